/* imapflow as an application uses it. Arguments: port, user, password; each step is asserted, the last line says "done". */
"use strict";
const assert = require("assert");
const { ImapFlow } = require("imapflow");

const [port, user, pass] = process.argv.slice(2);

function client(options) {
	return new ImapFlow({ host: "127.0.0.1", port: Number(port), secure: true, tls: { rejectUnauthorized: false }, auth: { user, pass }, logger: false, ...options });
}

async function withClient(options, work) {
	const c = client(options);
	await c.connect();
	try {
		return await work(c);
	} finally {
		await c.logout();
	}
}

function message(n, extra = "") {
	return `From: Ada <ada@example.net>\r\nTo: bob@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_${n}?=\r\nMessage-ID: <flow-${n}@example.net>\r\n${extra}\r\nThis is text ${n}.\r\n`;
}

async function all(generator) {
	const list = [];
	for await (const item of generator) list.push(item);
	return list;
}

function within(promise, what, ms = 10000) {
	let timer;
	const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms); });
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function writesAndReads(c) {
	for (const name of ["IMAP4rev1", "CONDSTORE", "QRESYNC", "IDLE", "COMPRESS=DEFLATE", "OBJECTID", "MOVE", "UIDPLUS", "SPECIAL-USE"])
		assert(c.capabilities.has(name), name);
	const made = await c.mailboxCreate(["Projekte", "Grüße & Küsse"]);
	assert(made.created, made);
	const path = made.path, boxes = await c.list({ statusQuery: { messages: true, uidNext: true } });
	assert(boxes.find((b) => b.path === path), "the new mailbox is listed by its name");
	assert.strictEqual(boxes.find((b) => b.specialUse === "\\Trash").path, "Trash");
	for (let n = 1; n <= 5; n++) {
		const put = await c.append(path, message(n), n % 2 ? ["\\Seen"] : [], new Date("2026-11-20T10:00:00Z"));
		assert.strictEqual(put.uid, n);
	}
	const lock = await c.getMailboxLock(path);
	try {
		const got = await all(c.fetch("1:*", { uid: true, flags: true, envelope: true, bodyStructure: true, internalDate: true, size: true, threadId: true, source: true }));
		assert.deepStrictEqual(got.map((m) => m.uid), [1, 2, 3, 4, 5]);
		assert.strictEqual(got[1].envelope.subject, "Grüße 2");
		assert.strictEqual(got[1].source.toString(), message(2));
		assert(got[0].emailId && got[0].emailId !== got[1].emailId && got[0].threadId, "object ids");
		assert(typeof got[0].modseq === "bigint", "modseq");
		assert.strictEqual(got[0].bodyStructure.type, "text/plain");
		assert.deepStrictEqual(await c.search({ subject: "grüsse 3" }), [], "ß is not ss");
		assert.deepStrictEqual(await c.search({ subject: "GRÜSSE" }), []);
		assert.deepStrictEqual(await c.search({ subject: "grüße 3" }), [3]);
		assert.deepStrictEqual(await c.search({ body: "text 4", unseen: true }), [4]);
		assert(await c.messageFlagsAdd("2:3", ["\\Flagged", "$Later"]));
		assert.deepStrictEqual(await c.search({ keyword: "$Later" }), [2, 3]);
		const { content } = await c.download("5");
		let text = "";
		for await (const chunk of content) text += chunk;
		assert.strictEqual(text, message(5));
		const moved = await c.messageMove("1", "Archive");
		assert.strictEqual(moved.uidMap.size, 1);
		const copied = await c.messageCopy("1:2", "Archive");
		assert.strictEqual(copied.uidMap.size, 2);
		assert(await c.messageDelete("1"));
		assert.strictEqual(c.mailbox.exists, 3);
	} finally {
		lock.release();
	}
	assert.strictEqual((await c.status("Archive", { messages: true })).messages, 3);
	const quota = await c.getQuota("INBOX");
	assert(quota === false || quota, "QUOTA is answered");
	return path;
}

/* Somebody else changes the mailbox: an idle client hears of each change. */
async function hearsWhileIdle(path) {
	const watcher = client({ qresync: true });
	await watcher.connect();
	await watcher.mailboxOpen(path);
	const heard = { exists: null, flags: null, expunge: null };
	const event = (name) => new Promise((resolve) => watcher.once(name, resolve));
	const idle = watcher.idle();
	try {
		await withClient({}, async (c) => {
			let wait = event("exists");
			await c.append(path, message(6));
			heard.exists = await within(wait, "exists");
			await c.mailboxOpen(path);
			wait = event("flags");
			await c.messageFlagsAdd("1", ["\\Answered"]);
			heard.flags = await within(wait, "flags");
			wait = event("expunge");
			await c.messageDelete("2");
			heard.expunge = await within(wait, "expunge");
		});
		assert.strictEqual(heard.exists.count, 4);
		assert(heard.flags.flags.has("\\Answered") && typeof heard.flags.modseq === "bigint");
		assert(heard.expunge.uid, "with QRESYNC it is VANISHED, by UID");
	} finally {
		await watcher.logout();
		await idle.catch(() => {});
	}
}

/* A client that was away learns what changed since its modseq, and what is gone. */
async function catchesUp(path) {
	const away = await withClient({ qresync: true }, async (c) => {
		const box = await c.mailboxOpen(path);
		return { modseq: box.highestModseq, uidValidity: box.uidValidity };
	});
	const [changed, gone] = await withClient({}, async (c) => {
		await c.mailboxOpen(path);
		const uids = await c.search({ all: true }, { uid: true });
		await c.messageFlagsAdd(String(uids[0]), ["$Catch"], { uid: true });
		await c.messageDelete(String(uids[1]), { uid: true });
		return uids;
	});
	await withClient({ qresync: true }, async (c) => {
		const vanished = [];
		c.on("expunge", (e) => vanished.push(e.uid));
		const box = await c.mailboxOpen(path, { changedSince: away.modseq, uidValidity: away.uidValidity });
		assert.strictEqual(box.uidValidity, away.uidValidity);
		assert(box.highestModseq > away.modseq);
		const news = await all(c.fetch("1:*", { uid: true, flags: true }, { changedSince: away.modseq, uid: true }));
		assert.deepStrictEqual(news.map((m) => m.uid), [changed]);
		assert(news[0].flags.has("$Catch"));
		assert(vanished.includes(gone), `${gone} in ${vanished}`);
	});
}

(async () => {
	const path = await withClient({}, writesAndReads);
	await hearsWhileIdle(path);
	await catchesUp(path);
	await withClient({ disableCompression: true }, async (c) => {
		assert((await c.mailboxRename(path, ["Projekte", "Neu"])).newPath);
		assert((await c.mailboxDelete(["Projekte", "Neu"])).path);
	});
	console.log("done");
})().catch((fault) => {
	console.error(fault.stack || fault, fault.response || "", fault.responseText || "");
	process.exit(1);
});

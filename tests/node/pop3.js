// node-pop3 (npm, by lock file): node pop3.js PORT USER PASSWORD. Six messages "number N" lie there; the first and the last are removed.
const Pop3Command = require('node-pop3')
const assert = require('assert')

const [port, user, password] = process.argv.slice(2)
const pop3 = new Pop3Command({ host: '127.0.0.1', port: Number(port), user, password, tls: true, timeout: 20000, servername: 'mail.example.org', tlsOptions: { rejectUnauthorized: false } })

async function main() {
	const ids = await pop3.UIDL()
	assert.strictEqual(ids.length, 6)
	assert.match(ids[0][1], /^[0-9a-f]{32}$/)
	assert.strictEqual(ids[2][1], (await pop3.UIDL(3))[1])
	assert.match(await pop3.STAT(), /^6 [0-9]+/)
	const list = await pop3.LIST()
	assert.strictEqual(list.length, 6)
	for (let number = 1; number <= 6; number++) {
		// It leaves points as they are stuffed (RFC 1939 3) and the last line end away.
		const text = (await pop3.RETR(number)).replace(/^\.\./gm, '.') + '\r\n'
		assert.ok(text.includes(`Subject: number ${number}\r\n`), text)
		assert.ok(text.includes('\r\n.a line that begins with a point\r\n'), text)
		assert.strictEqual(Buffer.byteLength(text), Number(list[number - 1][1]))
	}
	const top = await pop3.TOP(2, 0)
	assert.ok(top.includes('Subject: number 2') && !top.includes('point'), top)
	await assert.rejects(pop3.RETR(7))
	await pop3.command('DELE', 1)
	await pop3.command('DELE', 6)
	await pop3.QUIT()
	console.log('done')
}

main().catch((error) => {
	console.error(error)
	process.exit(1)
})

// Says what is running, as /healthz tells it. Nothing is shown as well that was not asked for just now.

const state = document.getElementById("state");
const facts = document.getElementById("facts");
const next = document.getElementById("next");

function fact(name, value) {
    const term = document.createElement("dt");
    const detail = document.createElement("dd");
    term.textContent = name;
    detail.textContent = value;
    facts.append(term, detail);
}

function show(kind, words) {
    state.dataset.state = kind;
    state.textContent = words;
}

function sayNext(before, command) {
    const code = document.createElement("code");
    code.textContent = command;
    next.replaceChildren(before, code);
}

async function ask() {
    const response = await fetch("/healthz", { cache: "no-store" });
    if (!response.ok) {
        throw new Error(`the server answered ${response.status}`);
    }
    return response.json();
}

try {
    const health = await ask();
    if (health.set_up) {
        show("ok", "The mail server is running.");
        fact("Services", health.services.split(" ").join(", "));
        sayNext("Manage it on this machine:", "postroom help");
    } else {
        show("action", "Not set up yet: the mail ports are closed.");
        sayNext("Run on this machine:", "postroom setup --hostname mail.example.org \\\n    --domain example.org --admin you@example.org");
    }
    fact("Version", health.version);
    fact("As of", new Date().toLocaleTimeString());
} catch (error) {
    show("unknown", `How the server stands is unknown: ${error.message}.`);
}

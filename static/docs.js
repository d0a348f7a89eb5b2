// Draws openapi.json: operations by resource, what they take and answer, and a curl command for each.

const documentUrl = "/api/v1/openapi.json";
const methods = ["get", "post", "put", "patch", "delete"];
let api;

function element(name, properties, ...children) {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return node;
}

function follow(value) {
    for (let hops = 0; value && value.$ref && hops < 8; hops++) {
        value = value.$ref.slice(2).split("/").reduce((at, name) => at?.[name], api);
    }
    return value ?? {};
}

// ---- schemas ----

function bounds(schema) {
    const words = [];
    const range = (low, high, unit) => {
        if (low !== undefined && high !== undefined) {
            words.push(low === high ? `${low}${unit}` : `${low} to ${high}${unit}`);
        } else if (low !== undefined) {
            words.push(`at least ${low}${unit}`);
        } else if (high !== undefined) {
            words.push(`at most ${high}${unit}`);
        }
    };
    range(schema.minimum, schema.maximum, "");
    range(schema.minLength, schema.maxLength, " characters");
    range(schema.minItems, schema.maxItems, " items");
    if (schema.uniqueItems) {
        words.push("no two alike");
    }
    return words;
}

function typeName(reference) {
    const schema = follow(reference);
    if (schema.oneOf) {
        return schema.oneOf.map(typeName).join(" or ");
    }
    const types = [schema.type ?? "anything"].flat().map((type) => {
        if (type === "array") {
            return `list of ${typeName(schema.items ?? {})}`;
        }
        if (type === "object" && reference.$ref) {
            return reference.$ref.split("/").pop();
        }
        return type;
    });
    return types.join(" or ");
}

function describeType(reference) {
    const schema = follow(reference);
    const words = [typeName(reference) + (schema.format ? ` (${schema.format})` : ""), ...bounds(schema)];
    if (schema.enum) {
        words.push(`one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`);
    }
    if (schema.const !== undefined) {
        words.push(`always ${JSON.stringify(schema.const)}`);
    }
    if (schema.default !== undefined) {
        words.push(`default ${JSON.stringify(schema.default)}`);
    }
    if (schema.readOnly) {
        words.push("read-only");
    }
    return words.join("; ");
}

// Schemas with fields of their own within a schema: what can be unfolded.
function innerSchemas(reference) {
    const schema = follow(reference);
    if (schema.oneOf) {
        return schema.oneOf;
    }
    if (schema.items) {
        return innerSchemas(schema.items);
    }
    if (typeof schema.additionalProperties === "object" && Object.keys(schema.additionalProperties).length > 0) {
        return innerSchemas(schema.additionalProperties);
    }
    return Object.keys(schema.properties ?? {}).length > 0 ? [reference] : [];
}

function unfolding(reference) {
    const details = element("details", { className: "inner" }, element("summary", {}, `Fields of ${reference.$ref ? typeName(reference) : "it"}`));
    details.addEventListener("toggle", () => {
        if (details.open && details.children.length === 1) {
            details.append(fieldTable(follow(reference)));
        }
    });
    return details;
}

function row(name, needed, type, description, inner = []) {
    return element("tr", {},
        element("th", { scope: "row" }, element("code", {}, name), needed ? element("span", { className: "needed" }, " required") : null),
        element("td", { className: "type" }, type),
        element("td", {}, description ?? "", ...inner.map(unfolding)));
}

function table(heads, rows) {
    return element("table", {},
        element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
        element("tbody", {}, ...rows));
}

function fieldTable(schema) {
    const needed = new Set(schema.required ?? []);
    const rows = Object.entries(schema.properties ?? {}).map(([name, field]) =>
        row(name, needed.has(name), describeType(field), field.description ?? follow(field).description, innerSchemas(field)));
    if (typeof schema.additionalProperties === "object") {
        rows.push(row("any other", false, describeType(schema.additionalProperties), schema.additionalProperties.description, innerSchemas(schema.additionalProperties)));
    }
    return rows.length > 0 ? table(["Field", "Type", "Meaning"], rows) : element("p", {}, "No fields.");
}

function schemaView(reference) {
    const schema = follow(reference);
    if (schema.properties || typeof schema.additionalProperties === "object") {
        return fieldTable(schema);
    }
    return element("div", {}, element("p", {}, describeType(reference)), ...innerSchemas(reference).map(unfolding));
}

// A value that fits, for examples.
function sample(reference, depth = 0) {
    const schema = follow(reference);
    const first = schema.example ?? schema.examples?.[0] ?? schema.const ?? schema.default ?? schema.enum?.[0];
    if (first !== undefined || depth > 4) {
        return first ?? null;
    }
    switch ([schema.type].flat()[0]) {
    case "object":
        return Object.fromEntries((schema.required ?? []).map((name) => [name, sample(schema.properties[name], depth + 1)]));
    case "array":
        return schema.minItems ? [sample(schema.items, depth + 1)] : [];
    case "integer":
    case "number":
        return schema.minimum ?? 0;
    case "boolean":
        return true;
    case "string":
        return schema.format === "date-time" ? "2030-01-01T00:00:00Z" : "…";
    default:
        return null;
    }
}

// ---- curl ----

function quoted(text) {
    return `'${text.replaceAll("'", "'\\''")}'`;
}

function bodyArguments(operation) {
    const content = operation.requestBody?.content;
    if (!content) {
        return [];
    }
    const [type, media] = Object.entries(content)[0];
    if (type !== "application/json") {
        return [`-H ${quoted(`Content-Type: ${type}`)}`, "--data-binary @FILE"];
    }
    return [`--json ${quoted(JSON.stringify(media.example ?? sample(media.schema)))}`];
}

function curl(path, method, operation) {
    const local = (operation["x-demands"] ?? []).includes("local");
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => {
        const parameter = operation.parameters.find((one) => one.in === "path" && one.name === name);
        return encodeURIComponent(parameter?.example ?? name.toUpperCase()).replaceAll("%40", "@");
    });
    const parts = ["curl"];
    if (local) {
        parts.push("--unix-socket /run/postroom/admin.sock");
    } else if (!operation["x-roles"]?.includes("anybody")) {
        parts.push('-H "Authorization: Bearer $POSTROOM_TOKEN"');
    }
    if (Object.keys(operation.responses["200"]?.content ?? {}).includes("text/event-stream")) {
        parts.push("-N");
    }
    const body = bodyArguments(operation);
    if (method !== (body.length > 0 ? "post" : "get")) {
        parts.push(`-X ${method.toUpperCase()}`);
    }
    if (operation.responses["428"]) {
        parts.push("-H 'If-Match: \"ETAG\"'");
    }
    parts.push(...body, quoted((local ? "http://localhost" : location.origin) + filled));
    return parts.join(" \\\n    ");
}

function tell(words) {
    const told = document.getElementById("told");
    told.textContent = words;
    clearTimeout(tell.timer);
    tell.timer = setTimeout(() => { told.textContent = ""; }, 4000);
}

async function copy(pre) {
    try {
        await navigator.clipboard.writeText(pre.textContent);
        tell("Copied.");
    } catch {
        getSelection().selectAllChildren(pre);
        tell("Selected: copy it with the keyboard.");
    }
}

function commandView(path, method, operation) {
    const pre = element("pre", { tabIndex: 0 }, curl(path, method, operation));
    const button = element("button", { type: "button" }, "Copy as curl");
    pre.setAttribute("aria-label", "curl command");
    button.addEventListener("click", () => copy(pre));
    return element("div", { className: "command" }, pre, button);
}

// ---- operations ----

function listed(words) {
    return words.map((word) => word.replaceAll("_", " ")).join(", ");
}

function access(operation) {
    const demands = operation["x-demands"] ?? [];
    const words = [];
    if (operation["x-roles"].includes("anybody")) {
        words.push("Open to anybody.");
    } else {
        words.push(`Roles: ${listed(operation["x-roles"])}.`);
    }
    if (operation["x-scope"]) {
        words.push(` A token needs the scope ${operation["x-scope"]}.`);
    }
    if (demands.includes("no_token")) {
        words.push(" Not open to tokens.");
    }
    if (demands.includes("proven")) {
        words.push(" A session must have proven itself within five minutes (session_prove).");
    }
    if (demands.includes("local")) {
        words.push(" On the admin socket only.");
    }
    return element("p", {}, ...words);
}

function parameterTable(parameters) {
    return table(["Parameter", "Type", "Meaning"], parameters.map((one) =>
        row(one.name, one.required, `${one.in}: ${describeType(one.schema)}`, one.description)));
}

function bodyView(body) {
    const views = Object.entries(body.content).map(([type, media]) =>
        element("div", {}, element("p", {}, element("code", {}, type), body.required ? "" : " (may be left out)"), schemaView(media.schema)));
    return element("div", {}, ...views);
}

function answerTable(responses) {
    const rows = Object.entries(responses).map(([status, reference]) => {
        const answer = follow(reference);
        const content = Object.entries(answer.content ?? {});
        const headers = Object.keys(answer.headers ?? {});
        const notes = headers.length > 0 ? `${answer.description} Headers: ${headers.join(", ")}.` : answer.description;
        return row(status === "default" ? "others" : status, false, content.map(([type, media]) => (type === "application/json" ? typeName(media.schema) : type)).join(", "),
            notes, content.flatMap(([, media]) => innerSchemas(media.schema)));
    });
    return table(["Status", "Body", "Meaning"], rows);
}

function fill(details, path, method, operation) {
    const body = element("div", { className: "body" });
    const heading = (words) => element("h4", {}, words);
    if (operation.description) {
        body.append(element("p", {}, operation.description));
    }
    body.append(access(operation), heading("Call"), commandView(path, method, operation));
    if (operation.parameters.length > 0) {
        body.append(heading("Parameters"), parameterTable(operation.parameters));
    }
    if (operation.requestBody) {
        body.append(heading("Body"), bodyView(operation.requestBody));
    }
    body.append(heading("Answers"), answerTable(operation.responses));
    details.append(body);
}

function operationView(path, method, operation) {
    const name = element("span", { className: "method" }, method.toUpperCase());
    const details = element("details", { className: "operation", id: operation.operationId },
        element("summary", {}, element("h3", {}, name, " ", element("code", {}, path)), element("span", {}, operation.summary)));
    name.dataset.method = method.toUpperCase();
    details.dataset.find = `${method} ${path} ${operation.operationId} ${operation.summary}`.toLowerCase();
    details.addEventListener("toggle", () => {
        if (details.open && details.children.length === 1) {
            fill(details, path, method, operation);
        }
    });
    return details;
}

function operations() {
    const list = [];
    for (const [path, item] of Object.entries(api.paths)) {
        for (const method of methods.filter((one) => item[one])) {
            const operation = { ...item[method] };
            operation.parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(follow);
            operation.requestBody = operation.requestBody && follow(operation.requestBody);
            list.push({ path, method, operation });
        }
    }
    return list;
}

// ---- the page ----

function menuEntry(id, words) {
    document.getElementById("tags").append(element("li", {}, element("a", { href: `#${id}` }, words)));
}

function introduction() {
    const section = element("section", { id: "introduction" }, element("h2", {}, "Introduction"), element("p", {}, api.info.description));
    const schemes = Object.values(api.components.securitySchemes).map((scheme) =>
        element("li", {}, element("code", {}, scheme.in === "cookie" ? `Cookie: ${scheme.name}` : scheme.name ?? `Authorization: Bearer ${scheme.bearerFormat}…`), ` ${scheme.description}`));
    menuEntry("introduction", "Introduction");
    section.append(element("ul", {}, ...schemes));
    return section;
}

function tagSection(tag, list) {
    const section = element("section", { id: `tag-${tag.name}` }, element("h2", {}, tag.name), element("p", {}, tag.description));
    menuEntry(`tag-${tag.name}`, tag.name);
    section.append(...list.map((one) => operationView(one.path, one.method, one.operation)));
    return section;
}

function problemSection() {
    const section = element("section", { id: "problems" }, element("h2", {}, "Problems"),
        element("p", {}, "Errors are application/problem+json. The code is stable; the type of a problem leads here."));
    const list = element("dl", { className: "codes" });
    const entries = Object.entries(api["x-problem-codes"]).sort(([a], [b]) => a.localeCompare(b));
    menuEntry("problems", "Problems");
    for (const [code, problem] of entries) {
        list.append(element("dt", { id: code }, element("code", {}, code), problem.status ? ` ${problem.status}` : ""),
            element("dd", {}, element("strong", {}, `${problem.title}. `), problem.description));
    }
    section.append(list);
    return section;
}

function draw() {
    const all = operations();
    const page = document.getElementById("document");
    document.getElementById("title").textContent = `${api.info.title} v${api.info.version}`;
    page.append(introduction());
    for (const tag of api.tags) {
        const list = all.filter((one) => one.operation.tags.includes(tag.name));
        if (list.length > 0) {
            page.append(tagSection(tag, list));
        }
    }
    page.append(problemSection());
}

function goToHash() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) {
        return;
    }
    if (target.matches("details.operation")) {
        target.open = true;
    }
    target.scrollIntoView();
}

// Sections without a hit go away; what is typed is looked for in method, path, name and summary.
function find(text) {
    const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
    let count = 0;
    for (const section of document.querySelectorAll("#document > section")) {
        const entries = [...section.querySelectorAll("details.operation")];
        for (const entry of entries) {
            entry.hidden = !words.every((word) => entry.dataset.find.includes(word));
            count += entry.hidden ? 0 : 1;
        }
        section.hidden = words.length > 0 && !entries.some((entry) => !entry.hidden);
    }
    document.getElementById("state").textContent = words.length > 0 ? `${count} operations` : "";
}

try {
    const response = await fetch(documentUrl);
    if (!response.ok) {
        throw new Error(`the server answered ${response.status}`);
    }
    api = await response.json();
    draw();
    document.getElementById("state").textContent = "";
    document.getElementById("menu").open = matchMedia("(min-width: 50rem)").matches;
    document.getElementById("find").addEventListener("input", (event) => find(event.target.value));
    addEventListener("hashchange", goToHash);
    goToHash();
} catch (error) {
    document.getElementById("state").textContent = `The document cannot be shown: ${error.message}.`;
}

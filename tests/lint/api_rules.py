"""Rules about the API: who writes its JSON, and what its tables, its document and its clients have to agree on."""
import json
import re

from rules import Finding, operations, rule

CODE = r'[a-z][a-z0-9_]*'


@rule("api-json")
def api_json(tree):
    """The web server hands on what api/ wrote."""
    for source in tree.product():
        if not source.path.startswith("webui/"):
            continue
        for line, text in source.strings:
            if re.search(r'\{\\"|\\" *:', text):
                yield Finding(source.path, line, f'"{text[:40]}": JSON of the API is written in api/')
        for word in sorted(w for w in source.words if re.match(r"json_|JSON_", w)):
            yield Finding(source.path, 1, f"{word}: JSON of the API is written in api/")


# Verbs that are no operation of the API, or any.
NO_OPERATION = {"VERB_SERVE", "VERB_CONFIG_CHECK", "VERB_VERSION", "VERB_HELP", "VERB_MANUAL", "VERB_COMPLETION", "VERB_RAW"}


@rule("cli-operation")
def cli_operation(tree):
    """Each verb that calls the API names an operation that there is."""
    known = set(operations(tree))
    for source in tree.product():
        if not source.path.startswith("daemon/cli/"):
            continue
        for match in re.finditer(r"\{ \.noun = .*?(?=\{ \.noun = |^\};|\Z)", source.uncommented, re.M | re.S):
            row, line = match.group(0), source.line_of(match.start())
            kind = re.search(r"\.kind = (\w+)", row)
            operation = re.search(r'\.operation = "([^"]*)"', row)
            if operation and operation.group(1) not in known:
                yield Finding(source.path, line, f"{operation.group(1)}: there is no such operation")
            if not operation and (not kind or kind.group(1) not in NO_OPERATION):
                yield Finding(source.path, line, "a verb of the API that names no operation")


def _documented(tree):
    """{code: (path, line)} of all x-problem-codes, and findings about what is not JSON."""
    codes = {}
    for source in tree.sources.values():
        if not source.path.startswith("api/openapi/"):
            continue
        for code in json.loads(source.text).get("x-problem-codes", {}):
            at = source.text.find(f'"{code}": {{', source.text.find('"x-problem-codes"'))
            codes[code] = (source.path, source.line_of(max(at, 0)))
    return codes


# Where codes stand in the program: call_reply_problem(c, 409, "exists", schema_fail(errors, at, "too_long", and the rows of tables.
USES = (rf'call_reply_problem\(\s*\w+,\s*[^"]*?"({CODE})"', rf'schema_fail\(\w+, [^;]*?, "({CODE})", "',
        rf'reply_faults\([^;"]*?"({CODE})"', rf'answer_problem\([^;"]*?"({CODE})"')


@rule("problem-codes")
def problem_codes(tree):
    """What call_reply_problem() says is explained in the document; what is explained there is said somewhere."""
    documented = _documented(tree)
    if not documented:
        return
    said = set()
    for source in tree.product():
        if not source.path.startswith(("api/", "webui/")):
            continue
        for pattern in USES:
            for match in re.finditer(pattern, source.uncommented):
                said.add(match.group(1))
                if match.group(1) not in documented:
                    yield Finding(source.path, source.line_of(match.start()), f"{match.group(1)}: x-problem-codes does not explain it")
        said.update(text for _, text in source.strings)
    for code, (path, line) in sorted(documented.items()):
        if code not in said:
            yield Finding(path, line, f"{code}: nothing says it")

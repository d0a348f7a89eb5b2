"""The rules that read the tree. Each is a function tree -> findings, named by @rule."""
import re

RULES = {}


class Finding:
    def __init__(self, path, line, text, subject=None):
        # `subject` is what an exception names: a function, or the path.
        self.path, self.line, self.text, self.subject = path, line, text, subject or path

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def rule(name):
    def register(function):
        RULES[name] = function
        return function
    return register


def each_match(sources, pattern, text, view="code"):
    for source in sources:
        for match in re.finditer(pattern, getattr(source, view), re.M):
            yield Finding(source.path, source.line_of(match.start()), text.format(*((match.group(0).strip(),) + match.groups())))


# --- The house, as in ARCHITECTURE.md. Lowest row first; folders of one row do not know each other.
ROWS = [["daemon/base"], ["daemon/crypto"], ["daemon/net"], ["daemon/mime"], ["db"], ["daemon/directory"], ["daemon/events"],
        ["daemon/auth"], ["daemon/trust", "daemon/store"], ["daemon/relay", "daemon/filter"], ["daemon/queue"], ["daemon/ops"],
        ["daemon/smtp", "daemon/imap", "daemon/pop3", "daemon/managesieve"], ["api"], ["webui"], ["daemon/cli"], ["daemon"]]
ROW_OF = {folder: number for number, row in enumerate(ROWS) for folder in row}
TOP_LEVEL = {"daemon", "webui", "api", "db", "static", "tests", "packaging", "Makefile", "README.md", "ARCHITECTURE.md", "LICENSE",
             "CHANGELOG.md", ".ci", ".clang-format", ".clang-tidy", ".gitattributes", ".editorconfig", ".gitignore"}


def folder_of(path):
    return path.rpartition("/")[0]


@rule("layers")
def layers(tree):
    for source in tree.product():
        ours = folder_of(source.path)
        if ours not in ROW_OF:
            yield Finding(source.path, 1, f"{ours}/ has no place in the list of folders")
            continue
        for line, is_system, path in source.includes:
            theirs = folder_of(path)
            if is_system or theirs == ours:
                continue
            if theirs not in ROW_OF or ROW_OF[theirs] >= ROW_OF[ours]:
                yield Finding(source.path, line, f"{ours}/ may not include {path}: it stands beside or above")


@rule("include-path")
def include_path(tree):
    for source in tree.c_files():
        for line, is_system, path in source.includes:
            if not is_system and ("/" not in path or not tree.exists(path)):
                yield Finding(source.path, line, f'"{path}" is not a path from the root')


@rule("top-level")
def top_level(tree):
    for name in tree.top:
        if name not in TOP_LEVEL:
            yield Finding(name, 1, "does not belong at the top level")


# --- External headers: who may, and never a header of ours.
OWNERS = [
    (r"sqlite3", r"db/"),
    (r"openssl/", r"daemon/crypto/|daemon/net/tls"),
    (r"microhttpd", r"webui/"),
    (r"jansson", r"api/|daemon/cli/|daemon/(ops|filter|trust|auth)/\w*_json\.c"),
    (r"spf2/|dkim|opendkim|libpsl", r"daemon/trust/"),
    (r"unbound", r"daemon/net/resolver"),
    (r"curl/", r"daemon/net/fetch\.c"),
    (r"argon2|crypt\.h|cbor", r"daemon/auth/"),
    (r"iconv|idn2|uni\w+\.h|utf8proc", r"daemon/mime/"),
    (r"zlib", r"daemon/net/deflate\.c"),
    (r"zstd", r"daemon/ops/"),
    (r"cmocka|setjmp", r"tests/"),
]
LIBC = re.compile(
    r"^(assert|ctype|dirent|dlfcn|endian|errno|fcntl|fnmatch|getopt|glob|grp|ifaddrs|inttypes|limits|locale|malloc|math|netdb|poll|pthread|pwd|"
    r"regex|sched|semaphore|signal|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|sysexits|termios|"
    r"threads|time|unistd|wchar|wctype|(arpa|net|netinet|sys|linux)/\w+)\.h$")


@rule("external-headers")
def external_headers(tree):
    for source in tree.product():
        for line, is_system, path in source.includes:
            if not is_system or LIBC.match(path):
                continue
            owner = next((owner for header, owner in OWNERS if re.match(header, path)), None)
            if owner is None:
                yield Finding(source.path, line, f"<{path}> has no owner")
            elif not re.match(owner, source.path):
                yield Finding(source.path, line, f"<{path}> belongs to {owner}")


@rule("external-in-header")
def external_in_header(tree):
    for source in tree.product():
        for line, is_system, path in source.includes:
            if source.path.endswith(".h") and is_system and not LIBC.match(path):
                yield Finding(source.path, line, f"<{path}> in a header of ours")


# --- Words that may not appear.
BANNED = r"\b(strtok|strtok_r|atoi|atol|atoll|atof|strcpy|strncpy|stpcpy|strcat|strncat|sprintf|vsprintf|gets|localtime|gmtime|asctime|ctime|" \
         r"alloca|tmpnam|mktemp|tempnam|rand|srand|gethostbyname|inet_ntoa|readdir_r)\s*\("
BANNED_IN_PRODUCT = r"\b(system|popen|wordexp)\s*\("


@rule("banned-functions")
def banned_functions(tree):
    yield from each_match(tree.c_files(), r"(?<![.>])" + BANNED, "{1}() is banned")
    yield from each_match(tree.product(), r"(?<![.>])" + BANNED_IN_PRODUCT, "{1}() is banned")


@rule("setjmp")
def no_setjmp(tree):
    yield from each_match(tree.product(), r"\b(?:setjmp|longjmp|sigsetjmp|siglongjmp)\b", "{0}: errors are returned")


@rule("forbidden-words")
def forbidden_words(tree):
    # Assembled, so that this file does not hold them.
    words = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"))
    for source in tree.sources.values():
        for match in re.finditer(rf"\b(?:{words})\b", source.text):
            yield Finding(source.path, source.line_of(match.start()), f"{match.group(0)}: finish it or open an issue")


@rule("test-switch")
def test_switch(tree):
    # A header's guard has the name of its file, which may be of SEARCH's FUZZY.
    yield from each_match(tree.product(), r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif)\b(?!\s+POSTROOM_\w+_H$).*\b\w*(?:TEST|FUZZ)\w*\b.*$",
                          "the product does not know tests: {0}")


@rule("test-includes-c")
def test_includes_c(tree):
    for source in tree.c_files():
        for line, _, path in source.includes:
            if path.endswith(".c"):
                yield Finding(source.path, line, f"includes {path}")


@rule("typedef-struct")
def typedef_struct(tree):
    yield from each_match(tree.product(), r"\btypedef\s+(?:struct|union|enum)\b", "no typedef of a struct, union or enum")


@rule("sleep-in-test")
def sleep_in_test(tree):
    for source in tree.c_files():
        if not source.path.startswith(("tests/unit/", "tests/chat/")):
            continue
        for function in source.functions:
            # The pause of a loop that looks again is no luck.
            if re.search(r"\b(?:sleep|usleep|nanosleep)\s*\(", function.body) and not (
                    re.search(r"\b(?:for|while)\b", function.body) or function.name.endswith("_pause")):
                yield Finding(source.path, function.first, f"{function.name}() waits for luck, not for something", function.name)


# --- Errors.
@rule("minus-one")
def minus_one(tree):
    for source in tree.product():
        for function in source.functions:
            for match in re.finditer(r"\breturn -1;", function.body):
                line = function.first + source.code.split("\n")[function.first - 1:].index("{") + function.body.count("\n", 0, match.start())
                yield Finding(source.path, line, f"{function.name}() returns -1: enum err", function.name)


@rule("errno")
def errno_stays(tree):
    text = "errno does not pass the file that made the call"
    for source in tree.product():
        for function in source.functions:
            # A static function may hand it to its own file; a field or an out-parameter travels.
            match = re.search(r"\breturn\s+-?\(?errno\)?;|(?:->|\.)\w+\s*=\s*errno\b|\*\w+\s*=\s*-?errno\b", function.body)
            if match and not function.is_static:
                yield Finding(source.path, function.first, f"{function.name}(): {text}", function.name)
        if source.path.endswith(".h") and "errno" in source.words:
            yield Finding(source.path, 1, text)


def _case_labels(body):
    """(offset of the switch, labels, has default) of each switch, its inner ones apart."""
    for match in re.finditer(r"\bswitch\b", body):
        open_at = body.find("{", match.end())
        depth, at, own = 0, open_at, []
        while at < len(body):
            if body[at] == "{":
                depth += 1
            elif body[at] == "}":
                depth -= 1
                if depth == 0:
                    break
            elif depth == 1:
                own.append(body[at])
            at += 1
        text = "".join(own)
        yield match.start(), re.findall(r"\bcase\s+([^:]+?)\s*:", text), bool(re.search(r"\bdefault\s*:", text))


@rule("enum-default")
def enum_default(tree):
    constants = set()
    for source in tree.c_files():
        for match in re.finditer(r"\benum\b[^;{()]*\{(.*?)\}", source.code, re.S):
            constants.update(re.findall(r"(?:^|,)\s*([A-Za-z_]\w*)", match.group(1)))
    for source in tree.product():
        for offset, labels, has_default in _case_labels(source.code):
            if has_default and any(label in constants for label in labels):
                yield Finding(source.path, source.line_of(offset), "default: in a switch over an enum hides a forgotten value")


# --- SQL and protocol text have one home each.
SQL = re.compile(r"^\s*(?:SELECT\b.*\bFROM\b|SELECT\s+\w+\(|INSERT\s+(?:OR\s+\w+\s+)?INTO\b|UPDATE\s+\w+\s+SET\b|DELETE\s+FROM\b|"
                 r"(?:CREATE|DROP|ALTER)\s+(?:TABLE|INDEX|TRIGGER|VIRTUAL)\b|PRAGMA\s|BEGIN\s+IMMEDIATE|SAVEPOINT\s|VACUUM\b|ATTACH\s)", re.S)


@rule("sql-outside-db")
def sql_outside_db(tree):
    for source in tree.product():
        if source.path.startswith("db/"):
            continue
        for line, text in source.strings:
            if SQL.match(text):
                yield Finding(source.path, line, "SQL stands in db/ alone")


@rule("reply-writer")
def reply_writer(tree):
    for source in tree.product():
        if not re.match(r"daemon/(smtp|imap|pop3|managesieve)/", source.path) or re.search(r"/reply\w*\.[ch]$", source.path):
            continue
        for match in re.finditer(r"\bout_add(?:f|_file)?\s*\(", source.code):
            yield Finding(source.path, source.line_of(match.start()), "only the reply writer adds to the output")
        for line, text in source.strings:
            if re.match(r"(?:\d{3}[ -]|\* (?:OK|NO|BAD|BYE|PREAUTH)\b|\+OK\b|-ERR\b)", text) and text.endswith("\\r\\n"):
                yield Finding(source.path, line, "protocol text outside the reply writer")


# --- Shape and size.
BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")
MAX_FUNCTION, MAX_FILE, MAX_COMPLEXITY = 60, 700, 15


@rule("function-length")
def function_length(tree):
    for source in tree.c_files():
        for function in source.functions:
            length = function.last - function.first + 1
            # main() of a unit test is a table of its tests.
            if length > MAX_FUNCTION and not (function.name == "main" and source.path.endswith("_test.c")):
                yield Finding(source.path, function.first, f"{function.name}() has {length} lines, {MAX_FUNCTION} are enough", function.name)


@rule("complexity")
def complexity(tree):
    for source in tree.c_files():
        for function in source.functions:
            value = 1 + len(BRANCH.findall(function.body))
            if value > MAX_COMPLEXITY:
                yield Finding(source.path, function.first, f"{function.name}() has complexity {value}, at most {MAX_COMPLEXITY}", function.name)


@rule("file-length")
def file_length(tree):
    for source in tree.c_files():
        if len(source.lines) - 1 > MAX_FILE:
            yield Finding(source.path, MAX_FILE, f"{len(source.lines) - 1} lines, {MAX_FILE} are enough")


@rule("opening")
def opening(tree):
    for source in tree.product():
        said = source.path.replace("daemon/", "", 1)
        if not source.text.startswith(f"/* {said}: "):
            yield Finding(source.path, 1, f'opens with its purpose: "/* {said}: ..."')


@rule("header-guard")
def header_guard(tree):
    for source in tree.product():
        guard = "POSTROOM_" + re.sub(r"\W", "_", source.path.replace("daemon/", "", 1)).upper()
        if source.path.endswith(".h") and f"#ifndef {guard}\n#define {guard}\n" not in source.text:
            yield Finding(source.path, 1, f"the guard is {guard}")


def operation_handlers(tree):
    """Functions that api/resources.h declares and api/routes.c names by the macro over the list of operations."""
    source = tree.sources.get("api/operations.h")
    return {"api_" + name for name in re.findall(r"\bX\((\w+), \"", source.text)} if source else set()


def operations(tree):
    """The operationIds of the API."""
    source = tree.sources.get("api/operations.h")
    return re.findall(r'^\s*X\((\w+), "', source.text, re.M) if source else []


@rule("unused-export")
def unused_export(tree):
    product = tree.product()
    handlers = {"api_" + name for name in operations(tree)}  # routes.c puts their names together
    handlers = operation_handlers(tree)
    # Tools in tests/ are users; a unit test is none, or dead code with a test would live on.
    others = product + [s for s in tree.c_files() if s.path.startswith("tests/") and not s.path.startswith("tests/unit/")]
    for source in product:
        if source.path.endswith(".h"):
            continue
        header = source.path[:-2] + ".h"
        for function in source.functions:
            if function.is_static or function.name == "main" or function.name in handlers:
                continue
            users = [s for s in others if s is not source and function.name in s.words]
            # A declaration is not a use; a macro or an inline function of a header is.
            users = [s for s in users if s.path.endswith(".c") or _uses(s, function.name)]
            if not users:
                yield Finding(source.path, function.first, f"{function.name}() is used in this file only"
                              + (f" ({header} declares it)" if header in tree.sources else ""), function.name)


def _uses(source, name):
    declaration = re.compile(rf"^[A-Za-z_][^\n;{{}}]*\b{name}\s*\([^{{}}]*?;", re.M)
    return re.search(rf"\b{name}\b", declaration.sub("", source.code)) is not None


PROTOTYPE = re.compile(r"^(?!static|typedef|#|\s)([A-Za-z_][\w \t*]*?)\b(\w+)\s*\(([^;{}]*)\)([^;{}()]*(?:\([^;{}]*\))?[^;{}]*);", re.M)


def prototypes(source):
    """(line, type, name, what stands behind the arguments) of each function that a header declares."""
    for match in PROTOTYPE.finditer(source.code):
        yield source.line_of(match.start()), match.group(1).strip(), match.group(2), match.group(0)


@rule("must-check")
def must_check(tree):
    for source in tree.product():
        if source.path.endswith(".h"):
            for line, type_, name, text in prototypes(source):
                if type_ == "enum err" and "MUST_CHECK" not in text:
                    yield Finding(source.path, line, f"{name}() can fail: MUST_CHECK", name)


def exports(tree):
    """Where each name that the linker sees is defined."""
    where = {}
    for source in tree.product():
        if source.path.endswith(".c"):
            for function in source.functions:
                if not function.is_static and function.name != "main":
                    where.setdefault(function.name, []).append((source, function))
    return where


@rule("header-owner")
def header_owner(tree):
    where = exports(tree)
    for source in tree.product():
        if source.path.endswith(".h"):
            for line, _, name, _ in prototypes(source):
                homes = {folder_of(s.path) for s, _ in where.get(name, [])}
                if homes and folder_of(source.path) not in homes:
                    yield Finding(source.path, line, f"{name}() is defined in {homes.pop()}/: a folder declares what is its own", name)


@rule("duplicate-export")
def duplicate_export(tree):
    for name, places in exports(tree).items():
        for source, function in places[1:]:
            yield Finding(source.path, function.first, f"{name}() is defined in {places[0][0].path} too", name)


@rule("undeclared-export")
def undeclared_export(tree):
    declared = {name for source in tree.product() if source.path.endswith(".h") for _, _, name, _ in prototypes(source)} | operation_handlers(tree)
    for name, places in exports(tree).items():
        if name not in declared:
            yield Finding(places[0][0].path, places[0][1].first, f"{name}() stands in no header", name)


# --- The languages beside C.
@rule("python-syntax")
def python_syntax(tree):
    for source in tree.sources.values():
        if source.path.endswith(".py"):
            try:
                compile(source.text, source.path, "exec")
            except SyntaxError as error:
                yield Finding(source.path, error.lineno or 1, f"{error.msg}")


@rule("secret-wipe")
def secret_wipe(tree):
    yield from each_match(tree.product(), r"\bmemset\s*\(\s*&?\w*(?:password|secret|passwd)\w*", "{0}...: explicit_bzero() is not optimised away")

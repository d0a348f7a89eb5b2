"""The tree as lint sees it: texts, the same without comments and literals, includes, functions."""
import os
import re
import subprocess

C_SUFFIXES = (".c", ".h")
PRODUCT = ("daemon/", "db/", "api/", "webui/")
TOP_ONLY_IN_GIT = ("run", "build")

# One pattern, so that a quote inside a comment and a comment mark inside a string are what they are.
LEXEME = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)


def _blank(text):
    """As many lines and columns, nothing else."""
    return re.sub(r"[^\n]", " ", text)


def _without_comments(match):
    lexeme = match.group(0)
    return _blank(lexeme) if lexeme.startswith("/") else lexeme


def _without_literals(match):
    lexeme = match.group(0)
    if lexeme.startswith("/"):
        return _blank(lexeme)
    return lexeme[0] + "_" * (len(lexeme) - 2) + lexeme[-1]


class Function:
    def __init__(self, name, is_static, first, last, body):
        self.name, self.is_static, self.first, self.last, self.body = name, is_static, first, last, body


class Source:
    def __init__(self, path, text):
        self.path, self.text = path, text
        self.lines = text.split("\n")
        self.is_c = path.endswith(C_SUFFIXES)
        self.is_product = self.is_c and path.startswith(PRODUCT)
        self._cache = {}

    def _once(self, key, make):
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    @property
    def uncommented(self):
        return self._once("uncommented", lambda: LEXEME.sub(_without_comments, self.text))

    @property
    def code(self):
        """Neither comments nor what stands in quotes; preprocessor lines stay."""
        return self._once("code", lambda: LEXEME.sub(_without_literals, self.text))

    @property
    def words(self):
        return self._once("words", lambda: set(re.findall(r"\b[A-Za-z_]\w*\b", self.code)))

    @property
    def strings(self):
        """(line, text) of each string literal outside comments and includes."""
        def find():
            found = []
            for match in LEXEME.finditer(self.text):
                if match.group(0).startswith('"'):
                    start = self.text.rfind("\n", 0, match.start()) + 1
                    if not self.text[start:match.start()].lstrip().startswith("#include"):
                        found.append((self.line_of(match.start()), match.group(0)[1:-1]))
            return found
        return self._once("strings", find)

    @property
    def includes(self):
        """(line, is_system, path)."""
        return self._once("includes", lambda: [(self.line_of(m.start(1)), m.group(1) == "<", m.group(2))
                                               for m in INCLUDE.finditer(self.uncommented)])

    @property
    def functions(self):
        return self._once("functions", self._find_functions)

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def _find_functions(self):
        """Definitions, as the format writes them: the signature from column 0, `{` and `}` alone in column 0."""
        found = []
        lines = self.code.split("\n")
        at = 0
        while at < len(lines):
            if lines[at].rstrip() != "{":
                at += 1
                continue
            first = at - 1
            while first > 0 and (lines[first].startswith(("\t", " ")) or lines[first] == ""):
                first -= 1
            # An attribute or a return type on a line of its own belongs to it too.
            while first > 0 and re.match(r"[A-Za-z_]", lines[first - 1]) and not lines[first - 1].rstrip().endswith((";", "}", ":")):
                first -= 1
            last = at
            while last < len(lines) and lines[last].rstrip() not in ("}", "};"):
                last += 1
            signature = " ".join(lines[first:at])
            name = re.search(r"(\w+)\s*\((?!.*\b\1\s*\()", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", signature))
            name = re.search(r"(\w+)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", signature)) or name
            if name:
                found.append(Function(name.group(1), bool(re.search(r"\bstatic\b", signature)), first + 1, last + 1,
                                      "\n".join(lines[at:last + 1])))
            at = last + 1
        return found


class Tree:
    def __init__(self, texts, root=None, top=None):
        self.root = root
        self.top = top or []
        self.sources = {path: Source(path, text) for path, text in texts.items()}

    def c_files(self):
        return [s for s in self.sources.values() if s.is_c]

    def product(self):
        return [s for s in self.sources.values() if s.is_product]

    def exists(self, path):
        return path in self.sources or (self.root is not None and os.path.exists(os.path.join(self.root, path)))


def _listed(root):
    """What belongs to the project: what git knows or would add; without git, what is there."""
    try:
        out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True)
        return [path for path in out.stdout.splitlines() if os.path.exists(os.path.join(root, path))]
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if f not in (".git", "__pycache__") and
                          not (folder == root and f.startswith(TOP_ONLY_IN_GIT))]
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
        return found


def read_tree(root):
    texts = {}
    listed = _listed(root)
    for path in listed:
        if path.startswith("tests/lint/violations/"):
            continue
        if not path.endswith((".c", ".h", ".py", ".sh", ".sql", ".md", ".txt", ".js", ".html", ".css")) and path != "Makefile" and not path.startswith("api/openapi/"):
            continue
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            texts[path] = file.read()
    return Tree(texts, root, sorted({path.split("/")[0] for path in listed}))

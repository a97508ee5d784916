"""A small reader of C: enough to find functions, their parameters, nesting, gotos and structs.

It does not preprocess.  Comments, strings and directives are blanked out with spaces, so that
every offset and line number stays what it was in the file.
"""
import re
from bisect import bisect_right

TOKEN = re.compile(r"""
    (?P<comment> /\*.*?\*/ | //[^\n]* )
  | (?P<string> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
""", re.VERBOSE | re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
# What functions do with locks: src/sync/lock_contract.h.
LOCK_CONTRACT = re.compile(r"""
    \bLOCKS_UNCHECKED\b
  | \b(?:REQUIRES|ACQUIRES|RELEASES|TRIES_TO_ACQUIRE|ASSERTS_HELD)
    \s*\( (?: [^()] | \( (?: [^()] | \([^()]*\) )* \) )* \)
""", re.VERBOSE)
ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)\)?|\b[A-Z_]{3,}\s*\((?=[^()]*\)\s*$)[^()]*\)",
                       re.DOTALL)
CONTROL = re.compile(r"^(if|for|while|switch|\w*FOR_EACH\w*)$")


def blank(match):
    """The same number of lines and columns, without the text."""
    return re.sub(r"[^\n]", " ", match.group(0))


def without_comments(text):
    return TOKEN.sub(lambda match: blank(match) if match.group("comment") else match.group(0),
                     text)


def without_comments_and_strings(text):
    return TOKEN.sub(blank, text)


def closing(text, opening):
    """Offset of the bracket that closes the one at `opening`; the end of the text if none."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    depth = 0
    left, right = text[opening], pairs[text[opening]]
    for offset in range(opening, len(text)):
        if text[offset] == left:
            depth += 1
        elif text[offset] == right:
            depth -= 1
            if depth == 0:
                return offset
    return len(text) - 1


class Function:
    """One function definition: lines are counted from 1."""

    def __init__(self, source, name, parameters, span):
        self.name = name
        self.parameters = parameters
        self.start, self.body_start, self.body_end = span
        self.first_line = source.line_of(self.start)
        self.last_line = source.line_of(self.body_end)
        self.body = source.code[self.body_start:self.body_end + 1]

    @property
    def length(self):
        return self.last_line - self.first_line + 1

    @property
    def nesting(self):
        return Statements(self.body).deepest


class Source:
    """One C file: its text, its code without comments and strings, and its functions."""

    def __init__(self, text):
        self.text = text
        self.line_starts = [0] + [match.end() for match in re.finditer("\n", text)]
        self.code_with_directives = without_comments_and_strings(text)
        self.code = DIRECTIVE.sub(blank, self.code_with_directives)
        self._functions = None

    def line_of(self, offset):
        return bisect_right(self.line_starts, offset)

    @property
    def code_with_strings(self):
        return DIRECTIVE.sub(blank, without_comments(self.text))

    @property
    def functions(self):
        if self._functions is None:
            self._functions = list(self._find_functions())
        return self._functions

    def _find_functions(self):
        code, boundary, offset = self.code, 0, 0
        while offset < len(code):
            if code[offset] == ";":
                boundary = offset + 1
            elif code[offset] == "{":
                end = closing(code, offset)
                function = self._function_from(boundary, offset, end)
                if function:
                    yield function
                    boundary = end + 1
                offset = end
            offset += 1

    def _function_from(self, boundary, opening, end):
        """The function whose declaration stands in [boundary, opening), or None."""
        head = self.code[boundary:opening]
        test = re.search(r"\bSTART_TEST\((\w+)\)\s*$", head)
        declaration = ATTRIBUTE.sub(blank, LOCK_CONTRACT.sub(blank, head))
        if test:
            declaration, name, parameters = head, test.group(1), []
        else:
            named = re.search(r"\b(\w+)\s*\(", declaration)
            if not named or "=" in declaration or not re.search(r"\)\s*$", declaration):
                return None
            name = named.group(1)
            parameters = split_parameters(declaration, named.end() - 1)
        start = boundary + len(declaration) - len(declaration.lstrip())
        return Function(self, name, parameters, (start, opening, end))


def split_parameters(declaration, opening):
    inside = declaration[opening + 1:closing(declaration, opening)]
    parts, depth, part = [], 0, ""
    for letter in inside:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += letter
    parts.append(part.strip())
    return [] if parts in ([""], ["void"]) else parts


class Statements:
    """Walks the statements of a function body and records the deepest control structure."""

    def __init__(self, body):
        self.tokens = re.findall(r"\w+|[^\w\s]", body)
        self.at = 0
        self.deepest = 0
        self.statement(0)

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def skip_brackets(self):
        depth = 0
        while self.at < len(self.tokens):
            depth += (self.peek() in "([{") - (self.peek() in ")]}")
            self.at += 1
            if depth == 0:
                return

    def skip_expression(self):
        while self.at < len(self.tokens) and self.peek() not in ";}":
            if self.peek() in "([{":
                self.skip_brackets()
            else:
                self.at += 1
        if self.peek() == ";":
            self.at += 1

    def skip_label(self):
        """Goes behind `case X:`, `default:` or `name:` if one of them stands here."""
        end = self.at + 1
        if self.peek() == "case":
            while end < len(self.tokens) and self.tokens[end] not in ":;{}":
                end += 1
        if not re.match(r"\w", self.peek()) or self.tokens[end:end + 1] != [":"]:
            return False
        self.at = end + 1
        return self.peek() != "}"

    def block(self, depth):
        self.at += 1
        while self.at < len(self.tokens) and self.peek() != "}":
            self.statement(depth)
        self.at += 1

    def controlled(self, depth):
        self.deepest = max(self.deepest, depth)
        self.statement(depth)

    def statement(self, depth):
        token = self.peek()
        following = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else ""
        if token == "{":
            self.block(depth)
        elif token == "do":
            self.at += 1
            self.controlled(depth + 1)
            self.skip_expression()
        elif CONTROL.match(token) and following == "(":
            self.at += 1
            self.skip_brackets()
            self.controlled(depth + 1)
            self.otherwise(depth)
        elif self.skip_label():
            self.statement(depth)
        else:
            self.skip_expression()

    def otherwise(self, depth):
        """`else if` goes on at the level of the first `if`."""
        if self.peek() != "else":
            return
        self.at += 1
        if self.peek() == "if":
            self.statement(depth)
        else:
            self.controlled(depth + 1)

"""``compat_matrix.md``: what was seen, as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anysocket import Capability
from anysocket.testing._case import Case
from anysocket.testing._clauses import CLAUSES, PENDING
from anysocket_conformance._reasons import REASONS
from anysocket_conformance._runner import Result
from anysocket_conformance._varying import VARYING
from anysocket_conformance._verdict import Judged, Verdict
from anysocket_servers import BY_NAME, SERVERS, VARIANTS, Server

VERSIONS = "## Versions"
BASES = {
    "granian-rsgi-uvloop": "granian-rsgi",
    "granian-rsgi-rloop": "granian-rsgi",
    "granian-rsgi-2-workers": "granian-rsgi",
    "granian-rsgi-tls": "granian-rsgi",
    "granian-rsgi-unix": "granian-rsgi",
    "uvicorn-sansio-uvloop": "uvicorn-sansio",
    "uvicorn-picows-uvloop": "uvicorn-picows",
    "uvicorn-picows-tls": "uvicorn-picows",
    "hypercorn-tls": "hypercorn",
    "hypercorn-http2": "hypercorn",
}
"""Which server each variant is one of."""
COLUMNS = {
    "granian-rsgi": "Granian RSGI",
    "granian-rsgi-mt": "RSGI mt",
    "granian-asgi": "Granian ASGI",
    "uvicorn-sansio": "uvicorn sansio",
    "uvicorn-wsproto": "uvicorn wsproto",
    "uvicorn-legacy": "uvicorn legacy",
    "uvicorn-picows": "uvicorn picows",
    "hypercorn": "Hypercorn",
    "daphne": "Daphne",
    "testclient": "TestClient",
    "memory": "in memory",
}
"""Short headings."""
BARE_KEEPS, BARE_VARIES = "yes", "varies"


@dataclass(frozen=True)
class Cell:
    """One case on one server, at both levels."""

    judged: Judged
    bare: Result | None
    """None if it was not asked for."""

    @property
    def case(self) -> Case:
        return self.judged.result.case

    @property
    def server(self) -> Server:
        return self.judged.result.server

    @property
    def bare_does(self) -> str:
        """What the bare server does: ``yes``, ``varies``, what happens instead; ``""`` if it cannot play."""
        if self.bare is None or self.bare.sight is None:
            return ""
        if self.server.name in VARYING.get(self.case.name, ()):
            return BARE_VARIES
        return BARE_KEEPS if self.bare.whole else self.bare.instead


class Matrix:
    """All cells, by case and server."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._cells = {(cell.case.name, cell.server.name): cell for cell in cells}
        self._cases = list({cell.case.name: cell.case for cell in cells}.values())
        tested = {cell.server.name for cell in cells}
        self._servers = [server for server in SERVERS if server.name in tested]
        self._variants = [server for server in VARIANTS if server.name in tested]

    def failures(self) -> list[Judged]:
        """The cells in which something happened that is written nowhere."""
        return [cell.judged for cell in self._cells.values() if cell.judged.verdict is Verdict.FAILED]

    def text(self, versions: str) -> str:
        """The whole page."""
        groups = list(dict.fromkeys(case.group for case in self._cases))
        parts = [
            HEAD,
            *self._summary(),
            "",
            *self._counts(),
            "",
            *self._capabilities(),
            "",
            "## Cases",
            "",
            LEGEND,
            *(line for group in groups for line in self._group(group)),
            *self._variant_differences(),
            *self._clauses(),
            VERSIONS,
            "",
            versions,
        ]
        return "\n".join(parts).rstrip() + "\n"

    # -- the top --

    def _summary(self) -> Iterator[str]:
        yield "| | promises kept | in part | not kept | the server alone keeps | lacks |"
        yield "|---|---|---|---|---|---|"
        for server in [*self._servers, *self._variants]:
            cells = [self._cells[case.name, server.name] for case in self._cases]
            verdicts = Counter(cell.judged.verdict for cell in cells)
            played = sum(verdicts.values()) - verdicts[Verdict.NOT_PLAYED]
            bare = [cell.bare_does for cell in cells if cell.bare_does]
            alone = f"{bare.count(BARE_KEEPS)} of {len(bare)}" if bare else "–"
            lacks = ", ".join(f"`{flag.name}`" for flag in ~Capability(0) & ~server.capabilities) or "nothing"
            kept = f"**{verdicts[Verdict.KEPT]}** of {played}"
            numbers = f"{verdicts[Verdict.IN_PART]} | {verdicts[Verdict.DEVIATES]} | {alone}"
            yield f"| {server.title} | {kept} | {numbers} | {lacks} |"

    def _counts(self) -> Iterator[str]:
        verdicts = Counter(cell.judged.verdict for cell in self._cells.values())
        bare = sum(cell.bare_does != "" for cell in self._cells.values())
        played = sum(verdicts.values()) - verdicts[Verdict.NOT_PLAYED]
        yield (
            f"{len(self._cases)} cases on {len(self._servers) + len(self._variants)} servers: {played} runs "
            f"under anysocket ({verdicts[Verdict.KEPT]} kept, {verdicts[Verdict.IN_PART]} in part, "
            f"{verdicts[Verdict.DEVIATES]} known deviations, {verdicts[Verdict.FAILED]} failures, "
            f"{verdicts[Verdict.NOT_PLAYED]} not played for want of what the case needs) and {bare} runs on "
            "the bare servers."
        )

    def _capabilities(self) -> Iterator[str]:
        yield "## Capabilities"
        yield ""
        yield "What `websocket.capabilities` tells the program, as the runs found it:"
        yield ""
        yield _row(["", *(COLUMNS[server.name] for server in self._servers)])
        yield _row(["---"] * (len(self._servers) + 1))
        notes: dict[str, int] = {}
        for flag in Capability:
            has = [_capability(server, flag, notes) for server in self._servers]
            yield _row([f"`{flag.name}`", *has])
        yield ""
        yield from _numbered(notes)

    # -- one group --

    def _group(self, group: str) -> Iterator[str]:
        cases = [case for case in self._cases if case.group == group]
        notes: dict[str, int] = {}
        yield ""
        yield f"### {group.capitalize()}"
        yield ""
        yield _row(["promise", "clause", *(COLUMNS[server.name] for server in self._servers)])
        yield _row(["---"] * (len(self._servers) + 2))
        for case in cases:
            shown = [_shown(self._cells[case.name, server.name], notes) for server in self._servers]
            yield _row([f"{case.title} `{case.name}`", ", ".join(case.clauses), *shown])
        if notes:
            yield ""
            yield from _numbered(notes)
        yield from self._bare_notes(cases)

    def _bare_notes(self, cases: Sequence[Case]) -> Iterator[str]:
        lines = list(self._bare_lines(cases))
        if lines:
            yield ""
            yield "<details><summary>What the servers do alone, where it is not the promise</summary>"
            yield ""
            yield from lines
            yield ""
            yield "</details>"

    def _bare_lines(self, cases: Sequence[Case]) -> Iterator[str]:
        for case in cases:
            by_text: dict[str, list[str]] = {}
            for server in self._servers:
                does = self._cells[case.name, server.name].bare_does
                if does not in ("", BARE_KEEPS):
                    by_text.setdefault(does, []).append(COLUMNS[server.name])
            if by_text:
                yield f"- `{case.name}`"
                yield from (f"  - {', '.join(names)}: {_escaped(text)}" for text, names in by_text.items())

    # -- the rest --

    def _variant_differences(self) -> Iterator[str]:
        yield ""
        yield "## Other ways to run them"
        for variant in self._variants:
            base = BY_NAME[BASES[variant.name]]
            yield ""
            yield f"### {variant.title}"
            yield ""
            lines = [line for case in self._cases for line in self._difference(case, variant, base)]
            yield from lines or [f"In every case as {base.title}."]

    def _difference(self, case: Case, variant: Server, base: Server) -> Iterator[str]:
        """In what a case differs from the same on the base; from the promise, if that was not run."""
        mine, other = self._cells[case.name, variant.name], self._cells.get((case.name, base.name))
        verdict = mine.judged.verdict
        expected = (other.judged.verdict, other.judged.reason) if other else (Verdict.KEPT, "")
        if (verdict, mine.judged.reason) != expected:
            reason = f": {_escaped(mine.judged.reason)}" if mine.judged.reason else ""
            yield f"- `{case.name}`: {verdict.value}{reason}"
        bare_does = other.bare_does if other else mine.bare_does and BARE_KEEPS
        if BARE_VARIES not in (mine.bare_does, bare_does) and mine.bare_does != bare_does:
            yield f"- `{case.name}`, the server alone: {_escaped(mine.bare_does) or 'not played'}"

    def _clauses(self) -> Iterator[str]:
        yield ""
        yield "## The clauses"
        yield ""
        for clause, text in CLAUSES.items():
            cases = ", ".join(f"`{case.name}`" for case in self._cases if clause in case.clauses)
            yield f"- **{clause}** {text} {cases or PENDING.get(clause, '')}"
        yield ""


def _shown(cell: Cell, notes: dict[str, int]) -> str:
    judged = cell.judged
    text = judged.verdict.value
    if judged.verdict is Verdict.KEPT and cell.bare_does not in ("", BARE_KEEPS):
        text = f"**{text}**"
    if judged.reason:
        text += _note(judged.reason, notes)
    return text


def _capability(server: Server, flag: Capability, notes: dict[str, int]) -> str:
    if flag in server.capabilities:
        return "yes"
    return "–" + _note(REASONS[server.name][flag], notes)


def _note(text: str, notes: dict[str, int]) -> str:
    return f"<sup>{notes.setdefault(text, len(notes) + 1)}</sup>"


def _numbered(notes: dict[str, int]) -> Iterator[str]:
    yield from (f"{number}. {_escaped(text)}" for text, number in notes.items())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*")


HEAD = """\
# Compatibility

Generated from runs by `python -m anysocket matrix`. Each promise of the contract is a case: a handler, a
client over a real socket, and what both must see. Every case is played under anysocket, and with the same
handler on the bare server's own calls. `--check` plays what is under anysocket again and compares.
"""
LEGEND = """\
**yes** (bold): kept under anysocket, and not by the server alone. yes: by both, or a bare server has no such
thing. part: what the contract says for a server without a capability, which the note names; the program asks
`websocket.capabilities`. no: a known deviation. –: not played, as the server has not what the case needs.
Each part and no has a note below its table."""

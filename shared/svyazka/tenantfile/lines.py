"""In which line of a file each key stands."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

MOST_NODES, DEEPEST = 10_000, 20
"""Of a file: what is larger or nested deeper was made by aliases of aliases."""


class Lines:
    """Where each key stands: (path of keys) -> line, from PyYAML's nodes."""

    def __init__(self, node: yaml.Node | None) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        self._nodes = 0
        self.twice: list[tuple[tuple[str, ...], int, int]] = []
        """Keys that stand twice, with both lines: YAML itself would keep the last and say nothing."""
        if node is not None:
            self._walk(node, ())

    def _walk(self, node: yaml.Node, path: tuple[str, ...]) -> None:
        self._nodes += 1
        if len(path) > DEEPEST or self._nodes > MOST_NODES:
            # An alias within its own anchor, or aliases of aliases.
            raise yaml.MarkedYAMLError(problem="nested without end", problem_mark=node.start_mark)
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                name, line = str(key.value), key.start_mark.line + 1
                inner = (*path, name)
                if name in seen:
                    self.twice.append((inner, line, seen[name]))
                seen[name] = self._lines[inner] = line
                self._walk(value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._walk(value, (*path, str(index)))

    def of(self, path: Sequence[object]) -> int | None:
        keys = tuple(str(part) for part in path)
        while keys and keys not in self._lines:
            keys = keys[:-1]
        return self._lines.get(keys)

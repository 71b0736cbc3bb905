"""Graphs of numbers: what leads where, and by which way; without recursion, for chains may be long."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Graph:
    """Nodes 0 … n-1 and the arrows between them."""

    def __init__(self, size: int, arrows: Iterable[tuple[int, int]]) -> None:
        self.after: list[list[int]] = [[] for _ in range(size)]
        self.before: list[list[int]] = [[] for _ in range(size)]
        for source, target in dict.fromkeys(arrows):
            self.after[source].append(target)
            self.before[target].append(source)
        self._component, members = self._components()
        self._reach = self._reaches(members)

    def leads(self, source: int, target: int) -> bool:
        """Whether at least one arrow and then others lead from the one to the other; from a node to itself: a cycle."""
        return bool(self.beyond(source) >> target & 1)

    def beyond(self, node: int) -> int:
        """The numbers of all nodes that this one leads to, as a set of bits."""
        return self._reach[self._component[node]]

    def turned(self) -> Graph:
        """The same nodes with every arrow turned around."""
        return Graph(
            len(self.after), ((target, source) for source, onward in enumerate(self.after) for target in onward)
        )

    def way(self, source: int, target: int) -> list[int]:
        """The nodes of a shortest way, both ends included; there must be one."""
        came: dict[int, int] = {source: source}
        queue = deque([source])
        while queue and target not in came:
            here = queue.popleft()
            for onward in self.after[here]:
                if onward not in came:
                    came[onward] = here
                    queue.append(onward)
        way = [target]
        while way[-1] != source:
            way.append(came[way[-1]])
        return way[::-1]

    def _components(self) -> tuple[list[int], list[list[int]]]:
        """The strongly connected components (Tarjan), each after those that it leads to."""
        size = len(self.after)
        component, members = [-1] * size, list[list[int]]()
        order, low = [-1] * size, [0] * size
        on_stack: list[int] = []
        clock = 0
        for root in range(size):
            if order[root] >= 0:
                continue
            walk = [(root, iter(self.after[root]))]
            order[root] = low[root] = clock
            clock += 1
            on_stack.append(root)
            while walk:
                node, rest = walk[-1]
                for onward in rest:
                    if order[onward] < 0:
                        order[onward] = low[onward] = clock
                        clock += 1
                        on_stack.append(onward)
                        walk.append((onward, iter(self.after[onward])))
                        break
                    if component[onward] < 0:
                        low[node] = min(low[node], order[onward])
                else:
                    walk.pop()
                    if walk:
                        low[walk[-1][0]] = min(low[walk[-1][0]], low[node])
                    if low[node] == order[node]:
                        members.append(together := [])
                        while component[node] < 0:
                            member = on_stack.pop()
                            component[member] = len(members) - 1
                            together.append(member)
        return component, members

    def _reaches(self, members: list[list[int]]) -> list[int]:
        """Per component the nodes that its nodes lead to, as a set of bits."""
        reach: list[int] = []
        for number, nodes in enumerate(members):
            bits = 0
            for node in nodes:
                for onward in self.after[node]:
                    bits |= 1 << onward
                    if self._component[onward] != number:
                        bits |= reach[self._component[onward]]
            if len(nodes) > 1:
                for node in nodes:
                    bits |= 1 << node
            reach.append(bits)
        return reach

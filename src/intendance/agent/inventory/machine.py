"""The files of a machine, seen from its root: `/`, or a folder that holds another machine's files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from intendance.model.evidence.inventory import NotSeen

MOST_BYTES = 1 << 20
"""No configuration file is longer than this; what is, is not read."""
_MOST_LINKS = 40  # as the kernel: path_resolution(7)


class Machine:
    """Reads text files and folders by the paths that they have on the machine. What is denied is noted, not raised."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._not_seen: dict[str, NotSeen] = {}

    @property
    def live(self) -> bool:
        """Whether this is the machine that runs us: its servers can be asked."""
        return self._root == Path("/")

    @property
    def not_seen(self) -> tuple[NotSeen, ...]:
        """What could not be looked at, in order."""
        return tuple(self._not_seen[what] for what in sorted(self._not_seen))

    def miss(self, what: str, why: str, code: str = "", param: str = "") -> None:
        """Note that something could not be looked at; the first reason of each stays."""
        self._not_seen.setdefault(what, NotSeen(what=what, why=" ".join(why.split()), code=code, param=param))

    def _refused(self, path: str, error: OSError) -> None:
        code = "denied" if isinstance(error, PermissionError) else ""
        self.miss(path, (error.strerror or str(error)).lower(), code)

    def resolve(self, path: str) -> str:
        """The path with links followed, none of them out of the root."""
        if self.live:
            return os.path.realpath(path)
        pending = list(reversed([part for part in path.split("/") if part not in ("", ".")]))
        done: list[str] = []
        followed = 0
        while pending:
            part = pending.pop()
            if part == "..":
                done = done[:-1]
                continue
            here = self._root.joinpath(*done, part)
            if followed < _MOST_LINKS and here.is_symlink():
                followed += 1
                target = str(here.readlink())
                done = [] if target.startswith("/") else done
                pending += reversed([each for each in target.split("/") if each not in ("", ".")])
            else:
                done.append(part)
        return "/" + "/".join(done)

    def place(self, path: str) -> Path:
        """Where a path of the machine really is, links followed."""
        return self._root / self.resolve(path).lstrip("/")

    def text(self, path: str) -> str | None:
        """A file's text; None when it is not there or cannot be read, which is noted."""
        try:
            with self.place(path).open("rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return None
                content = file.read(MOST_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            self._refused(path, error)
            return None
        if len(content) > MOST_BYTES:
            self.miss(path, "longer than 1 MiB", "too_long")
            return None
        return content.decode("utf-8", errors="replace")

    def names(self, folder: str) -> tuple[str, ...]:
        """What is in a folder, sorted; nothing when it is not there or may not be read, which is noted."""
        try:
            return tuple(sorted(each.name for each in self.place(folder).iterdir()))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            self._refused(folder, error)
            return ()

    def listed(self, folder: str) -> tuple[str, ...] | None:
        """What is in a folder, sorted; None, and no note of it, when there is none or it may not be read."""
        try:
            return tuple(sorted(each.name for each in self.place(folder).iterdir()))
        except OSError:
            return None

    def status(self, path: str) -> os.stat_result | None:
        """What the system says of a path, links followed; None when nothing is there or nobody may say."""
        try:
            return self.place(path).stat()
        except OSError:
            return None

    def is_file(self, path: str) -> bool:
        found = self.status(path)
        return found is not None and stat.S_ISREG(found.st_mode)

    def is_folder(self, path: str) -> bool:
        found = self.status(path)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def glob(self, pattern: str) -> tuple[str, ...]:
        """The paths that match `/etc/x/*.conf`, sorted, as a shell finds them."""
        found = ["/"]
        for part in [part for part in pattern.split("/") if part]:
            found = [each for folder in found for each in self._matching(folder, part)]
        return tuple(found)

    def _matching(self, folder: str, part: str) -> Iterator[str]:
        base = folder.rstrip("/")
        if not any(sign in part for sign in "*?["):
            if self.status(f"{base}/{part}") is not None:
                yield f"{base}/{part}"
            return
        for name in self.names(folder):
            if fnmatchcase(name, part) and (part.startswith(".") or not name.startswith(".")):
                yield f"{base}/{name}"

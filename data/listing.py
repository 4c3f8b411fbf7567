"""The image files below a folder: what is followed, what is passed over, and what is said of that."""

import os
import stat
from collections import Counter
from dataclasses import dataclass, field

from data.formats import EXTENSIONS, UNSUPPORTED, begins_as_a_picture
from run import console
from run.errors import printable

NAMED_AT_MOST = 8  # of names in a sentence
# Folders that no person made, in which the same pictures lie again, smaller or thrown away; in small letters.
_SYSTEM = {
    "@eadir", ".thumbnails", ".thumbs", "thumbnails.lrdata", ".@__thumb", "$recycle.bin", "recycler", "recycled",
    "#recycle", "@recycle", "#snapshot", "lost+found", "__macosx", ".appledouble", "system volume information",
    ".picasaoriginals", ".ipynb_checkpoints", "@recently-snapshot", "network trash folder", "found.000",
}  # fmt: skip
_RESULTS = ({"test_data.pth", "metrics_training.json"}, {"dataset.json", "dataset_classes.csv"})  # written together
_TRASH = ".trash"  # .Trash, .Trashes, .Trash-1000
_THUMBNAIL = "synophoto_thumb_"  # what a Synology names those that it makes


@dataclass
class Listing:
    """What lies below a folder."""

    files: list[tuple[str, int, int, int]] = field(default_factory=list)  # (relative path, size, mtime_ns, ctime_ns)
    unreadable: list[tuple[str, str]] = field(default_factory=list)  # (relative path, reason)
    unsupported: list[tuple[str, str]] = field(default_factory=list)  # (relative path, what to do about it)
    passed_over: Counter = field(default_factory=Counter)  # extension -> files that are no images by their name
    system: Counter = field(default_factory=Counter)  # name of a system's own folder -> pictures in all such folders
    own: list[str] = field(default_factory=list)  # relative paths of folders of results
    hidden_folders: Counter = field(default_factory=Counter)  # relative path of a hidden folder -> pictures in it
    seen_before: list[str] = field(default_factory=list)  # relative paths of links to folders that are read already
    empty: list[str] = field(default_factory=list)  # relative paths of folders with nothing in them
    hidden: int = 0  # hidden files that are images by their name
    not_followed: list[str] = field(default_factory=list)  # relative paths of links to folders

    def words(self) -> list[str]:
        """What was passed over, a line each."""
        lines = []
        if self.system:
            names = ", ".join(map(printable, sorted(self.system)[:NAMED_AT_MOST]))
            count = sum(self.system.values())
            lines.append(
                f"passed over {console.count(count, 'picture')} in folders of thumbnails, of the system or of what was "
                f"thrown away ({names}{', ...' * (len(self.system) > NAMED_AT_MOST)})"
            )
        if self.own:
            names = ", ".join(map(printable, sorted(self.own)[:NAMED_AT_MOST]))
            lines.append(f"passed over what scripts of this suite wrote here ({names})")
        if self.not_followed:
            lines.append(
                f"did not follow {console.count(len(self.not_followed), 'link')} that would lead through the machine "
                f"({_named(self.not_followed)}); give the folder that is meant itself"
            )
        if self.seen_before:
            lines.append(
                f"passed over {console.count(len(self.seen_before), 'link')} to folders that are read already "
                f"({_named(self.seen_before)})"
            )
        if self.empty:
            lines.append(f"nothing is in {console.count(len(self.empty), 'folder')} ({_named(sorted(self.empty))})")
        if pictures := sum(self.hidden_folders.values()):
            names = sorted(name for name, count in self.hidden_folders.items() if count)
            lines.append(f"passed over {console.count(pictures, 'picture')} in hidden folders ({_named(names)})")
        if self.hidden:
            plural = "s" * (self.hidden != 1)
            lines.append(f"passed over {self.hidden:,} hidden file{plural} with the name of a picture (as ._1.png)")
        if self.passed_over:
            kinds = ", ".join(
                f"{count} {printable(kind)}" for kind, count in sorted(self.passed_over.items())[:NAMED_AT_MOST]
            )
            count = sum(self.passed_over.values())
            lines.append(f"passed over {console.count(count, 'file')} without the name of an image: {kinds}")
        return lines


def _named(paths: list[str]) -> str:
    return ", ".join(map(printable, paths[:NAMED_AT_MOST])) + ", ..." * (len(paths) > NAMED_AT_MOST)


def list_images(root: str) -> Listing:
    """Every image file below ``root``, sorted by path."""
    listing = Listing()
    entered: set[tuple[int, int]] = set()
    linked = _walk(root, [""], entered, listing)
    known, may_leave = [os.path.realpath(root)], True
    while linked:  # folders that are links, after all real ones: a link never takes a folder from its own path
        followed = []
        for relative in sorted(linked):
            target = os.path.realpath(os.path.join(root, relative))
            within = any(_is_within(target, place) for place in known)
            if within or (may_leave and not _leads_astray(target, known[0])):
                followed.append(relative)
                known += [] if within else [target]
            else:
                listing.not_followed.append(relative)
        may_leave = False  # from what a link leads to nothing leads on: else one link would open the whole machine
        linked = _walk(root, followed, entered, listing)
    listing.files.sort()
    listing.unreadable.sort()
    listing.unsupported.sort()
    return listing


def _leads_astray(target: str, root: str) -> bool:
    """Whether a link leads to what holds the folder itself, or out of or into the system's own view of itself."""
    return _is_within(root, target) or any(_is_within(end, own) for end in (root, target) for own in ("/proc", "/sys"))


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


def _walk(root: str, folders: list[str], entered: set[tuple[int, int]], listing: Listing) -> list[str]:
    linked = []
    waiting = folders[::-1]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(os.path.join(root, folder))
            if (status.st_dev, status.st_ino) in entered:
                listing.seen_before.append(folder)
                continue
            with os.scandir(os.path.join(root, folder)) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            listing.unreadable.append((folder or ".", f"folder: {(error.strerror or 'unreadable').lower()}"))
            continue
        entered.add((status.st_dev, status.st_ino))
        if folder and any(files <= {entry.name for entry in entries} for files in _RESULTS):
            listing.own.append(folder)
            continue
        if folder and all(entry.name.startswith(".") for entry in entries):
            listing.empty.append(folder)
        for entry in entries:
            relative = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if _is_passed_over(entry, relative, is_folder, listing):
                continue
            if is_folder:
                waiting.append(relative)
            else:
                _list_file(entry, relative, linked, listing)
    return linked


def _is_passed_over(entry: os.DirEntry, relative: str, is_folder: bool, listing: Listing) -> bool:
    """Whether a file or folder is hidden, or the system's own; how many pictures are in it is counted."""
    name = entry.name.lower()
    if is_folder and (name in _SYSTEM or name.startswith(_TRASH)):
        listing.system[entry.name] += _pictures_below(entry.path)
        return True
    if not is_folder and name.startswith(_THUMBNAIL):
        listing.system[_THUMBNAIL.upper()] += 1
        return True
    if not name.startswith("."):
        return False
    if is_folder:
        listing.hidden_folders[relative] += _pictures_below(entry.path)
    else:
        listing.hidden += os.path.splitext(name)[1] in EXTENSIONS
    return True


def _pictures_below(path: str) -> int:
    return sum(os.path.splitext(file)[1].lower() in EXTENSIONS for _, _, files in os.walk(path) for file in files)


def _list_file(entry: os.DirEntry, relative: str, linked: list[str], listing: Listing) -> None:
    ending = os.path.splitext(entry.name)[1].lower()
    is_image = ending in EXTENSIONS
    try:
        status = entry.stat()
    except OSError as error:  # a broken link, or one that leads to itself
        if is_image:
            listing.unreadable.append((relative, f"link that leads nowhere: {(error.strerror or '').lower()}"))
        return
    if not ending and stat.S_ISREG(status.st_mode):
        is_image = begins_as_a_picture(entry.path)
    if stat.S_ISDIR(status.st_mode):
        linked.append(relative)
    elif ending in UNSUPPORTED:
        listing.unsupported.append((relative, UNSUPPORTED[ending]))
    elif not is_image:
        listing.passed_over[ending or "without extension"] += 1
    elif stat.S_ISREG(status.st_mode):
        listing.files.append((relative, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    else:  # opening a pipe would wait for ever
        listing.unreadable.append((relative, "not a regular file"))

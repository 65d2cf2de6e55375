"""package: the zip that a function app on Flex Consumption runs as it is, with nothing left to build in Azure."""

from pathlib import Path

from commands import building
from commands.terminal import ROOT, console, item
from commands.version import CHANGES, of_checkout

OUTPUT = ROOT / "dist" / "connector.zip"


def run(output: Path | None) -> int:
    """Build the package and say what it is. Raises PackageError when it cannot be, or holds what must not be in it."""
    file = (output or OUTPUT).absolute()
    version = of_checkout()
    with console.status("Building the package"):
        built = building.build(ROOT, file, version)
    console.print(
        f"{_shown(file)} is built: version {version.version}, commit {version.commit}", soft_wrap=True
    )
    console.print(
        f"{built.bytes / 1e6:.1f} MB, unpacked {built.unpacked_bytes / 1e6:.1f} MB, {built.files} files: "
        f"{built.own_files} of the app,\n{built.distributions} packages for Python {building.PYTHON} on Linux, "
        f"{built.compiled} compiled files."
    )
    if version.commit.endswith(CHANGES):
        console.print("It holds changes that no commit has.", style="yellow")
    console.print("Next, one of these; docs/deploy.md has the rest:")
    item(f"az functionapp deployment source config-zip -g GROUP -n APP --src {_shown(file)}")
    item(f"cd {_shown(building.folder_of(file))} and func azure functionapp publish APP --no-build --python")
    return 0


def _shown(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file

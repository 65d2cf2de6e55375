"""Arrows point one way: who may import whom, read from the source."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("webhook_http", "poll_timer", "push_queue", "token_refresh_timer")
PRODUCTION = ("shared", *FUNCTIONS, "function_app")
# From the outside in: a module may import what lies in later rows, and in its own.
ROWS = (
    ("function_app",),
    FUNCTIONS,
    ("shared.wiring",),
    ("shared.sync",),
    ("shared.state", "shared.powerbi"),
    ("shared.tables",),
    ("shared.xero",),
    ("shared.audit", "shared.budgets", "shared.storage_azure"),
    ("shared.secrets", "shared.storage", "shared.settings", "shared.http"),
    ("shared.clock", "shared.errors", "shared.log", "shared.masking", "shared.parsing", "shared.version"),
)
# How a distribution of requirements.in is imported.
IMPORTED_AS = {
    "azure-core": "azure.core",
    "azure-functions": "azure.functions",
    "azure-data-tables": "azure.data.tables",
    "azure-identity": "azure.identity",
    "azure-keyvault-secrets": "azure.keyvault.secrets",
    "azure-storage-blob": "azure.storage.blob",
    "azure-storage-queue": "azure.storage.queue",
    "pyjwt": "jwt",
}


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        path = ROOT / folder
        yield from path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(file: Path) -> Iterator[str]:
    """Every module or name that a file imports, wherever in it, as a dotted name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute | ast.Name)
            and (node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id)
            in ("import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def row_of(name: str) -> int | None:
    found = [number for number, row in enumerate(ROWS) if within(name, *row)]
    return found[0] if found else None


def arrows(*folders: str) -> list[tuple[str, str]]:
    """(importing module, imported name) of all files."""
    return [(module_of(file), name) for file in files(*folders) for name in imports(file)]


def test_every_production_module_has_its_row() -> None:
    """A new module is placed before it is used."""
    modules = [module_of(file) for file in files(*PRODUCTION)]
    assert len(modules) > 40
    assert [name for name in modules if row_of(name) is None and name != "shared"] == []


def test_arrows_point_one_way() -> None:
    """functions → sync → (state, powerbi, tables, xero) → (storage, secrets, settings …), and never back."""
    rows = [(name, imported, row_of(name), row_of(imported)) for name, imported in arrows(*PRODUCTION)]
    against = [
        f"{name} imports {imported}"
        for name, imported, own, others in rows
        if own is not None and others is not None and others < own
    ]
    assert against == []


def test_functions_are_a_trigger_and_one_call() -> None:
    """What thinks is in shared: the functions reach only its use cases, its wiring and what they need to answer."""
    allowed = ("shared.sync", "shared.wiring", "shared.errors", "shared.log", "shared.state.messages.QUEUE")
    reached = [(name, one) for name, one in arrows(*FUNCTIONS) if within(one, "shared")]
    assert reached
    assert [arrow for arrow in reached if not within(arrow[1], *allowed)] == []


def test_functions_do_not_import_each_other() -> None:
    """Each runs in processes of its own."""
    for name in FUNCTIONS:
        others = [other for other in FUNCTIONS if other != name]
        assert not [one for _, one in arrows(name) if within(one, *others, "function_app")]


def test_the_product_knows_no_trigger_and_no_laptop() -> None:
    """shared runs without azure.functions; the local cloud, the commands and the tests are not deployed with it."""
    forbidden = (
        "azure.functions",
        "azure_functions_runtime",
        "local",
        "commands",
        "tests",
        "manage",
        *FUNCTIONS,
    )
    assert [arrow for arrow in arrows("shared") if within(arrow[1], *forbidden)] == []
    assert [
        arrow
        for arrow in arrows(*FUNCTIONS, "function_app")
        if within(arrow[1], "local", "commands", "tests")
    ] == []


def test_xero_and_power_bi_do_not_know_each_other() -> None:
    """Either can be replaced alone; what joins them is the tables and the use cases."""
    assert [
        arrow for arrow in arrows("shared/xero") if within(arrow[1], "shared.powerbi", "shared.tables")
    ] == []
    assert [arrow for arrow in arrows("shared/powerbi") if within(arrow[1], "shared.xero")] == []
    assert [
        arrow for arrow in arrows("shared/tables") if within(arrow[1], "shared.powerbi", "shared.state")
    ] == []


def test_the_local_cloud_never_imports_the_product() -> None:
    """A check is never built on the code that it checks."""
    assert len(list(files("local"))) > 40
    assert [
        arrow for arrow in arrows("local") if within(arrow[1], "shared", *FUNCTIONS, "function_app")
    ] == []


def test_only_the_seam_and_the_wiring_know_azures_clients() -> None:
    """Storage and vault are behind one module each, so that a test can stand something in for them."""
    clients = ("azure.storage", "azure.data", "azure.keyvault", "azure.identity")
    users = {name for name, one in arrows("shared") if within(one, *clients)}
    assert users == {"shared.storage_azure", "shared.secrets", "shared.wiring"}


@pytest.mark.parametrize(
    "called", ["time.sleep", "datetime.now", "datetime.utcnow", "date.today", "time.time"]
)
def test_time_comes_in_as_an_argument(called: str) -> None:
    """Only the clock asks the machine for the time, or sleeps: a test can run a month in a second."""
    owner, method = called.split(".")
    guilty = {
        module_of(file)
        for file in files(*PRODUCTION)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == owner
    }
    assert guilty <= {"shared.clock"}


def pinned(name: str) -> dict[str, str]:
    """The pins of a requirements file: distribution → version."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [line.split("==") for line in lines if line and line[0] not in "#-"]
    assert all(len(pin) == 2 for pin in found), "every requirement is pinned with =="
    return dict(found)


def test_production_imports_only_what_is_pinned() -> None:
    """Nothing that only a laptop has, and nothing that happens to be installed with something else."""
    packages = [IMPORTED_AS.get(name, name.replace("-", "_")) for name in pinned("requirements.in")]
    strangers = {
        (name, one)
        for name, one in arrows(*PRODUCTION)
        if one.split(".")[0] not in sys.stdlib_module_names and not within(one, *PRODUCTION, *packages)
    }
    assert strangers == set()


def test_what_slows_a_cold_start_is_not_deployed() -> None:
    """azure-storage imports aiohttp when it is there, for 200 ms; durable and pandas are not for us either."""
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for heavy in ("aiohttp", "azure-functions-durable", "pandas", "pyarrow", "pydantic"):
        assert f"\n{heavy}==" not in f"\n{locked}"


def test_production_and_development_are_apart() -> None:
    """What tests and the local cloud need on top never reaches Azure."""
    assert not set(pinned("requirements.in")) & set(pinned("requirements-dev.in"))


def test_decoders_are_made_at_import() -> None:
    """msgspec learns a type when it first meets it, and two threads that do so at once can crash the process."""
    made_in_passing = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in files(*PRODUCTION)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("decode", "convert")
        and any(keyword.arg == "type" for keyword in node.keywords)
    ]
    assert made_in_passing == []

"""Plain classes in place of the gRPC messages that the Functions host and its Python worker exchange.

`azure-functions-runtime` gets them as one object with the classes as attributes (`P`) and builds them with keyword
arguments only. Microsoft's own worker defines the messages in azure-functions-language-worker-protobuf.
"""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any


class Fields:
    """A message whose fields are whatever it was built with."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class RpcHttp(Fields):
    """A request (method, url, headers, query, params, body) or an answer (status_code, headers, cookies, body)."""


class TypedData:
    """One value of one kind. A field that is not set reads as None."""

    def __init__(
        self,
        *,
        string: str | None = None,
        bytes: bytes | None = None,
        json: str | None = None,
        http: RpcHttp | None = None,
        int: int | None = None,
        double: float | None = None,
    ) -> None:
        fields = {"string": string, "bytes": bytes, "json": json, "http": http, "int": int, "double": double}
        kinds = [kind for kind, value in fields.items() if value is not None]
        if len(kinds) > 1:
            raise ValueError(f"a TypedData holds one value, not {' and '.join(kinds)}")
        self._kind = kinds[0] if kinds else None
        self.string = string
        self.bytes = bytes
        self.json = json
        self.http = http
        self.int = int
        self.double = double

    def WhichOneof(self, group: str) -> str | None:
        return self._kind

    def __repr__(self) -> str:
        return f"TypedData({self._kind}={getattr(self, self._kind)!r})" if self._kind else "TypedData()"


class ParameterBinding:
    def __init__(self, *, name: str, data: TypedData | None) -> None:
        self.name = name
        self.data = data

    def WhichOneof(self, group: str) -> str:
        return "data"


class StatusResult(Fields):
    Failure, Success, Cancelled = 0, 1, 2


class BindingInfo(Fields):
    out, inout = 1, 2
    undefined, string, binary, stream = 0, 1, 2, 3


class RpcHttpCookie(Fields):
    # "None" cannot be written as a name in a class body.
    SameSite = type("SameSite", (), {"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


_PLAIN = (
    "WorkerInitResponse", "WorkerMetadata", "FunctionMetadataResponse", "FunctionLoadResponse", "InvocationResponse",
    "FunctionEnvironmentReloadResponse", "RpcException", "RpcFunctionMetadata", "RpcRetryOptions",
    "NullableString", "NullableBool", "NullableDouble", "NullableTimestamp", "Timestamp",
)  # fmt: skip

P = SimpleNamespace(
    TypedData=TypedData,
    ParameterBinding=ParameterBinding,
    StatusResult=StatusResult,
    BindingInfo=BindingInfo,
    RpcHttp=RpcHttp,
    RpcHttpCookie=RpcHttpCookie,
    **{name: type(name, (Fields,), {}) for name in _PLAIN},
)

"""The HTTP server: SageMaker's two protocols and Application Auto Scaling on one port of 127.0.0.1, and the control
paths of the tests."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from local.sagemaker import autoscaling, storage
from local.sagemaker.authorization import Authorizer, Caller
from local.sagemaker.aws import Aws
from local.sagemaker.capture import Exchange
from local.sagemaker.control_plane import ControlPlane
from local.sagemaker.endpoints import Pace
from local.sagemaker.errors import ApiError, may_not_deregister
from local.sagemaker.faults import FaultBoard, Faults
from local.sagemaker.fleets import Fleet, Variant
from local.sagemaker.metrics import EndpointMetrics, Invocation
from local.sagemaker.model_server import Answer
from local.sagemaker.shadows import Shadows
from local.sagemaker.validation import operations

HOST: Final = "127.0.0.1"
DEFAULT_ACCOUNT: Final = "000000000000"
DEFAULT_REGION: Final = "us-east-1"
DEFAULT_PACE_SECONDS: Final = 1.0
KEEP_SECONDS: Final = 1.0

_INVOCATION: Final = re.compile(r"/endpoints/([a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62})/invocations")
_JSON: Final = "application/x-amz-json-1.1"


class LocalSageMaker:
    """A SageMaker on a port of its own, as a context manager or by ``start`` and ``stop``.

    Args:
        aws_endpoint: URL of the AWS with S3, STS, IAM, CloudWatch and CloudWatch Logs.
        pace: seconds that each phase takes in which AWS would wait for machines: Starting, Downloading and Uploading of
            a training job, Creating and Updating of an endpoint (half of it for RollingBack and Deleting).
        auth: whether callers need IAM permissions; root (access key ``test`` or an account id) may always.
        account: account id; a caller whose access key is a 12-digit number is in that account, as with MiniStack.
        port: port to listen on, 0 for a free one.
        wait_scale: what the waits of a guarded update are multiplied by.
        state: file that keeps what there is, for a later server to take up; None keeps nothing.

    Raises:
        StateError: the file cannot be read.
    """

    def __init__(
        self,
        aws_endpoint: str,
        pace: float = DEFAULT_PACE_SECONDS,
        *,
        auth: bool = False,
        account: str | None = None,
        port: int = 0,
        wait_scale: float = 1.0,
        state: Path | None = None,
    ) -> None:
        aws = self._aws = Aws(aws_endpoint)
        self._account = account or os.environ.get("MINISTACK_ACCOUNT_ID", DEFAULT_ACCOUNT)
        self._board = FaultBoard()
        self._control_plane = ControlPlane(aws, self._board, Pace(pace, wait_scale))
        self._metrics = EndpointMetrics(aws)
        self._shadows = Shadows()
        self._authorizer = Authorizer(aws) if auth else None
        self._saved = storage.read(state) if state is not None else {}
        self._keeper = storage.Keeper(state, self._control_plane.saved) if state is not None else None
        self._stopping, self._taken_up = threading.Event(), threading.Event()
        self._keeping = threading.Lock()
        if self._keeper is None:
            self._taken_up.set()
        self._port = port
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the local SageMaker is not started")
        return f"http://{HOST}:{self._server.server_port}"

    @property
    def faults(self) -> Faults:
        """Client of the control path for faults."""
        return Faults(self.url)

    def start(self) -> Self:
        self._server = make_server(HOST, self._port, self._answer, threaded=True, request_handler=_RequestHandler)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, name="local sagemaker", daemon=True)
        self._thread.start()
        self._metrics.start()
        if self._keeper is not None:
            threading.Thread(target=self._take_up_and_keep, args=(self._keeper,), daemon=True).start()
        return self

    def _take_up_and_keep(self, keeper: storage.Keeper) -> None:
        """Takes up what is saved as soon as the AWS beside answers, and saves what changes from then on."""
        while not self._aws.answers():
            if self._stopping.wait(0.1):
                return
        self._control_plane.restore(self._saved)
        self._taken_up.set()
        while not self._stopping.wait(KEEP_SECONDS):
            self._keep(keeper)

    def _keep(self, keeper: storage.Keeper) -> None:
        with self._keeping:
            keeper.keep()

    def stop(self) -> None:
        """Stops listening, and what runs."""
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._thread is not None:
            self._thread.join(timeout=5)
        if self._keeper is not None and self._taken_up.is_set():
            # Before what runs is stopped: an endpoint is to come up again.
            self._keep(self._keeper)
        # What these leave behind in data capture is written by the endpoints.
        self._shadows.close()
        self._control_plane.close()
        self._metrics.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- one request

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        body = request.get_data(cache=True, parse_form_data=False)
        runtime = _INVOCATION.fullmatch(request.path)
        try:
            if request.path.startswith("/_"):
                response = self._control_path(request, body)
            elif runtime is not None and request.method == "POST":
                response = self._invoke(request, body, runtime[1])
            else:
                response = self._operate(request, body, environ)
        except ApiError as error:
            response = _error(error, runtime=runtime is not None)
        except Exception as error:  # noqa: BLE001
            # The last line of defence: a client shall see a fault as one of the service, not a broken connection.
            traceback.print_exc(file=sys.stderr)
            failure = ApiError("InternalFailure", f"{type(error).__name__}: {error}", status=500)
            response = _error(failure, runtime=runtime is not None)
        return response(environ, start_response)

    def _is_taken_up(self) -> bool:
        """Whether all that was saved is here again, and its endpoints answer or have failed."""
        return self._taken_up.is_set() and not self._control_plane.coming_up()

    def _control_path(self, request: Request, body: bytes) -> Response:
        if request.path == "/_health":
            return _json(
                200,
                {
                    "status": "ok",
                    "account": self._account,
                    "taken_up": self._is_taken_up(),
                    **self._control_plane.counts(),
                },
            )
        if request.path != "/_faults":
            return _json(404, {"message": f"no such path: {request.path}"})
        if request.method == "POST":
            try:
                faults = json.loads(body)
                self._board.add(faults if isinstance(faults, list) else [faults])
            except (ValueError, TypeError, AttributeError) as error:
                return _json(400, {"message": str(error)})
        elif request.method == "DELETE":
            self._board.clear()
        return _json(200, self._board.pending())

    def _operate(self, request: Request, body: bytes, environ: dict[str, Any]) -> Response:
        service, _, operation = request.headers.get("X-Amz-Target", "").partition(".")
        scaling = service == autoscaling.TARGET_PREFIX
        known = autoscaling.operations() if scaling else operations() if service == "SageMaker" else ()
        if operation not in known:
            raise ApiError("UnknownOperationException", f"Unknown operation {operation or request.path}")
        try:
            parameters = json.loads(body or b"{}")
        except ValueError as error:
            raise ApiError("SerializationException", f"The request is no JSON: {error}") from error
        caller = self._caller(request)
        action = f"{autoscaling.SERVICE}:{operation}" if scaling else operation
        self._authorize(request, body, caller, action, parameters)
        account, region = caller.account, caller.region
        name = parameters.get("EndpointName")
        if operation == "DeleteEndpoint" and self._control_plane.scales(name, account, region):
            try:
                self._authorize(request, body, caller, f"{autoscaling.SERVICE}:DeregisterScalableTarget", {})
            except ApiError as error:
                raise may_not_deregister() from error
        fault = self._board.take("operation", operation)
        _fail(fault, before=True)
        if scaling:
            response = _json(200, self._control_plane.call_autoscaling(operation, parameters, account, region))
        elif self._control_plane.handles(operation):
            response = _json(200, self._control_plane.call(operation, parameters, account, region))
        else:
            # The body has been read from the connection; moto gets it again.
            again = {key: value for key, value in environ.items() if not key.startswith("werkzeug.")}
            again["wsgi.input"] = io.BytesIO(body)
            status, headers, content = self._control_plane.call_moto(operation, parameters, account, region, again)
            response = Response(content, status, content_type=headers.get("Content-Type", _JSON))
        _fail(fault, before=False)
        return response

    def _invoke(self, request: Request, body: bytes, name: str) -> Response:
        arrived = time.monotonic()
        caller = self._caller(request)
        self._authorize(request, body, caller, "InvokeEndpoint", {"EndpointName": name})
        fault = self._board.take("operation", "InvokeEndpoint")
        _fail(fault, before=True)
        target = request.headers.get("X-Amzn-SageMaker-Target-Variant")
        variant, fleet = self._control_plane.variant(name, target, caller.account, caller.region)
        asked = time.monotonic()
        answer = variant.server.invoke(body, request.headers.get("Content-Type"), request.headers.get("Accept"))
        model_seconds = time.monotonic() - asked
        self._copy(request, body, variant, fleet, answer)
        overhead_seconds = time.monotonic() - arrived - model_seconds
        invocation = Invocation(name, variant.name, answer.status, model_seconds, overhead_seconds)
        self._metrics.note(caller.region, invocation)
        if answer.status >= 400:
            raise _model_error(answer.status, answer.body.decode(errors="replace"), name, caller)
        _fail(fault, before=False)
        response = Response(answer.body, answer.status, content_type=answer.content_type)
        response.headers["x-Amzn-Invoked-Production-Variant"] = variant.name
        response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
        return response

    def _copy(self, request: Request, body: bytes, variant: Variant, fleet: Fleet, answer: Answer) -> None:
        """To data capture and to a shadow. A request that the model refused is not captured, which is our own choice:
        AWS does not say."""
        headers = request.headers
        exchange = Exchange(
            asked=body,
            asked_as=headers.get("Content-Type", ""),
            answered=answer.body,
            answered_as=answer.content_type,
            inference_id=headers.get("X-Amzn-SageMaker-Inference-Id"),
        )
        captured = fleet.capture is not None and fleet.capture.sampled()
        if fleet.capture is not None and captured and answer.status < 400:
            fleet.capture.note(variant.name, exchange)
        if shadow := fleet.shadow(variant):
            self._shadows.ask(shadow, fleet, exchange, headers.get("Accept"), captured=captured)

    def _caller(self, request: Request) -> Caller:
        return Caller.of(request.headers.get("Authorization", ""), self._account, DEFAULT_REGION)

    def _authorize(self, request: Request, body: bytes, caller: Caller, operation: str, parameters: Any) -> None:
        if self._authorizer is not None:
            self._authorizer.check(request, body, caller, operation, parameters, self._control_plane.tags)


class _RequestHandler(WSGIRequestHandler):
    """Keeps connections open, as boto3 expects, and quiet."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  (the name is the base class's)
        if type == "error":
            super().log(type, message, *args)


def _fail(fault: Mapping[str, Any] | None, *, before: bool) -> None:
    if fault is None or bool(fault.get("after_effect")) == before:
        return
    time.sleep(fault.get("delay", 0))
    if "error" in fault:
        raise ApiError(fault["error"], fault.get("message", fault["error"]), fault.get("status", 400))


def _model_error(status: int, text: str, endpoint: str, caller: Caller) -> ApiError:
    """Wording: aws/amazon-sagemaker-examples issues 407 and 1881, with the container's name of today."""
    side = "client" if status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    return ApiError(
        "ModelError",
        f'Received {side} error ({status}) from primary with message "{text}". See '
        f"https://{caller.region}.console.aws.amazon.com/cloudwatch/home?region={caller.region}"
        f"#logEventViewer:group={group} in account {caller.account} for more information.",
        424,
        OriginalStatusCode=status,
        OriginalMessage=text,
        LogStreamArn=f"arn:aws:logs:{caller.region}:{caller.account}:log-group:{group}",
    )


def _error(error: ApiError, *, runtime: bool) -> Response:
    body: dict[str, Any] = dict(error.members)
    # The two protocols put the code in different places and spell the message differently.
    body |= {"Message": error.message} if runtime else {"__type": error.code, "message": error.message}
    response = _json(error.status, body)
    response.headers["x-amzn-ErrorType"] = error.code
    return response


def _json(status: int, body: Any) -> Response:
    response = Response(json.dumps(body, default=_encode), status, content_type=_JSON)
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response


def _encode(value: Any) -> float:
    if isinstance(value, datetime):
        return value.astimezone(UTC).timestamp()
    raise TypeError(f"{type(value).__name__} in an answer")

"""The simulator: one pure function from a request to a response.

`transport` wraps it for httpx and `server` for HTTP, so both give the same bytes. A domain joins by
adding the routes of its own module to `ROUTES`. Every answer says `X-Simulated: true`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b

from transit_assets.simulator import counters, lfb, prim, prim_messages, rail_gtfs, velib, weather_feed
from transit_assets.simulator.faults import CLOCK_JUMP_SECONDS, Fault, fault
from transit_assets.simulator.messages import Handler, Request, Response, json_error

ROUTES: Mapping[str, Handler] = {
    **velib.ROUTES,
    **counters.ROUTES,
    **weather_feed.ROUTES,
    **lfb.ROUTES,
    **prim.ROUTES,
    **prim_messages.ROUTES,
    **rail_gtfs.ROUTES,
}
"""A handler for each path, or for every path below one that ends with `/`."""

_FAULT_HEADER, _FAULT_PARAMETER = "x-fault", "fault"
_HTML = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Service indisponible</h1></body></html>"
_RETRY_AFTER_SECONDS = 2


def respond(request: Request) -> Response:
    """The answer to a request: the same bytes for the same request, whatever was asked before.

    A fault comes from the request itself, from its header `X-Fault`, or from its parameter `fault`.
    """
    named = request.headers.get(_FAULT_HEADER) or request.query.get(_FAULT_PARAMETER)
    if named:
        try:
            request = replace(request, fault=fault(named))
        except ValueError as error:
            return _marked(json_error(400, str(error)))
    handler = _handler(request.path.rstrip("/"))
    if handler is None:
        return _marked(
            json_error(404, f"the simulator serves no {request.path}; it serves {', '.join(sorted(ROUTES))}")
        )
    return _marked(_failing(request, handler))


def _handler(path: str) -> Handler | None:
    return ROUTES.get(path) or next(
        (ROUTES[above] for above in ROUTES if above[-1] == "/" and path.startswith(above)), None
    )


def _failing(request: Request, handler: Handler) -> Response:
    match request.fault:
        case Fault.RATE_LIMITED:
            response = json_error(429, "too many requests")
            return replace(response, headers={**response.headers, "retry-after": str(_RETRY_AFTER_SECONDS)})
        case Fault.SERVER_ERROR:
            return json_error(500, "internal error")
        case Fault.TIME_OUT:
            return Response(504, b"", is_stalled=True)
        case Fault.HTML:
            return Response(200, _HTML, {"content-type": "text/html; charset=utf-8"})
        case Fault.EMPTY:
            return Response(200, b"", {"content-type": "application/json"})
        case Fault.TRUNCATED:
            response = handler(request)
            return replace(response, body=response.body[: len(response.body) * 2 // 3])
        case Fault.CLOCK_AHEAD | Fault.CLOCK_BEHIND:
            jump = CLOCK_JUMP_SECONDS if request.fault is Fault.CLOCK_AHEAD else -CLOCK_JUMP_SECONDS
            return _validated(request, handler(replace(request, instant=request.instant + timedelta(seconds=jump))))
        case _:
            return _validated(request, handler(request))


def _validated(request: Request, response: Response) -> Response:
    """The response with its ETag, or 304 where the asker already has it."""
    if response.status != 200:
        return response
    etag = f'"{blake2b(response.body, digest_size=16).hexdigest()}"'
    headers = {**response.headers, "etag": etag}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return Response(304, b"", headers) if etag in known else replace(response, headers=headers)


def _marked(response: Response) -> Response:
    return replace(response, headers={**response.headers, "x-simulated": "true"})

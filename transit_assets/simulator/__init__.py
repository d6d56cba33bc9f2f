"""An offline city that speaks the providers' wire formats. Imports no lake, no feeds, no domain, no Dagster.

`respond` is the simulator itself; `SimulatorTransport` gives it to an httpx client, `SimulatorServer` to the network.
"""

from transit_assets.simulator.faults import Fault, FaultPlan
from transit_assets.simulator.messages import Request, Response
from transit_assets.simulator.respond import respond
from transit_assets.simulator.server import SimulatorServer
from transit_assets.simulator.transport import SimulatorTransport

__all__ = ["Fault", "FaultPlan", "Request", "Response", "SimulatorServer", "SimulatorTransport", "respond"]

"""Memory traces: what a processor asks of the memory controller, and when.

A trace is three arrays of one length: the cycle of each request, its direction and its byte address. Files are plain
or gzip-compressed (recognised by content) and of one of these formats:

=================== ======================= =================================================================
format              a line                  time
=================== ======================= =================================================================
stl                 31: read 0x400140       DRAMSys: earliest cycle
rstl                31: read 0x400140       DRAMSys: delay since the request before, in cycles; 0 is the next
dramsim3            0x400140 READ 31        DRAMsim3: earliest cycle
ramulator-loadstore LD 0x400140             none
ramulator-dram      0x400140 R              none
ramulator-cpu       3 20734016 20734080     instructions before a load (and the write-back that it causes)
=================== ======================= =================================================================

Accepted in ``.stl`` and ``.rstl`` as DRAMSys's ``StlPlayer.cpp`` accepts it: blank lines, CRLF, any mixture of blanks
and tabs, a length ``(64)`` before the direction, and the bytes to be stored (``0x...``) after the address of a
write. A request is one burst of the memory, so a length above 64 bytes is refused instead of being served in part, and
stored bytes are skipped because they change neither time nor energy.
"""

from __future__ import annotations

from simulators.memory._trace import REQUEST_BYTES, Trace
from simulators.memory._trace_checks import check_addresses
from simulators.memory._trace_formats import FORMATS, TraceFormat, format_of_name, trace_format
from simulators.memory._trace_reader import INSTRUCTIONS_PER_NS, line_of_request, read_stl, read_trace
from simulators.memory._trace_writer import WRITABLE_FORMATS, sent_cycles, write_stl, write_trace

__all__ = [
    "FORMATS",
    "INSTRUCTIONS_PER_NS",
    "REQUEST_BYTES",
    "WRITABLE_FORMATS",
    "Trace",
    "TraceFormat",
    "check_addresses",
    "format_of_name",
    "line_of_request",
    "read_stl",
    "read_trace",
    "sent_cycles",
    "trace_format",
    "write_stl",
    "write_trace",
]

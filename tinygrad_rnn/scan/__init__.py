"""`scan`: any cell, written in plain NumPy, over all of time at the speed of a hand-written kernel.

traced     values without numbers, which remember operations
trace      a cell run once on them
simplify   the same step with less to do: rewrite, with the rules of algebra and gates
transpose  the backward step, from the rules
schedule   what runs before, in and after the loop
emit       source for it: segment, bulk, buffers, loop, names; forms is the table of batched forms
plan       all of that, kept for the next call as long as what the cell can reach is the same
call       one call: segments of time, forward and backward
node       one call on the tape
scan       the function
"""

__all__ = ["Scan", "Scanned", "scan"]

from tinygrad_rnn.scan.scan import Scan, Scanned, scan

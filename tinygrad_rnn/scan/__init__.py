"""`scan`: any cell, written in plain NumPy, over all of time, compiled into NumPy source.

traced      values without numbers, which remember operations; kinds has their shapes and dtypes
trace       a cell run once on them; closure is what it can read
simplify    the same step with less to do: rewrite, with the rules of algebra and gates
transpose   the backward step, from the rules
schedule    what runs once, before, in and after the loop
emit        code for it: segment, bulk, buffers, loop, names
forms       the table of batched forms; operations are functions that only programs contain
plan        all of that; cache has the plans of earlier calls, batches makes one of two others
call        one call: segments of time, forward and backward
node        one call on the tape
scan        the function
"""

__all__ = ["Scan", "Scanned", "scan"]

from tinygrad_rnn.scan.scan import Scan, Scanned, scan

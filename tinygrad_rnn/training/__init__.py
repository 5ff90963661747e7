"""Training a recurrent model from the command line: what is learned, the model, the run, its checkpoint, its pictures.

settings  the choices of a run; they are kept in its checkpoint
problem   what is to be learned: inputs, targets, a loss, a measure
stream    text and series, read in segments with the state carried on
tasks     the classic tasks, new sequences for each update
lookup    from what was asked for to a problem
model     cells one above another, and a read-out
run       updates, validation, saving and going on
interrupt Ctrl-C between two updates
report    learning curve and heat maps
sample    text from a character model
foreign   the weights of a model that PyTorch trained, as a model
trained   a model that is trained already, unrolled on some data
"""

"""Training a recurrent model from the command line.

settings  the choices of a run; they are saved in its checkpoint
problem   what is to be learned: inputs, targets, a loss, a measure
stream    text and series, read in segments with the state carried on
tasks     the classic tasks, new sequences for each update
lookup    the problem or the cell that a name stands for
model     cells one above another, and a read-out
run       updates, validation, saving and resuming
update    one step of an optimiser
demo      a small RNN that predicts a series, on the tape
gradients equation (3.1) as a table and as pictures
interrupt Ctrl-C between two updates
report    learning curve and heat maps
sample    text from a character model
foreign   the weights of a model that PyTorch trained, as a model
trained   a model that is trained already, unrolled on some data
"""

package app

// Exit codes. Scripts rely on them.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitRolledBack  = 3
	ExitWaiting     = 4
	ExitUnknown     = 5
	ExitLocked      = 6
	ExitDivergence  = 7
	ExitInterrupted = 130
)

// Exit is an exit code with what it means: in a few words, and in full.
type Exit struct {
	Code       int
	Word, Text string
}

// Exits are all exit codes, in order. Help and documentation print them.
func Exits() []Exit {
	return []Exit{
		{ExitOK, "succeeded", "the run came to its end; of a command that decides or looks, it did what it was asked for"},
		{ExitFailed, "failed or canceled", "what was changed stays, or a part of it if rollbacks failed; of a command that decides or looks, it could not, whoever called it may not, or it found faults"},
		{ExitUsage, "wrong usage", "the command line, the parameters or the configuration are wrong, or there is no such run; nothing was started"},
		{ExitRolledBack, "rolled back", "the run failed, or was asked to, and took its changes back"},
		{ExitWaiting, "waiting for a person", "people have to answer (approve, deny), and then resume goes on"},
		{ExitUnknown, "unknown outcome", "look at the system, and say what happened (resolve); then resume goes on"},
		{ExitLocked, "locked", "a lock, or the run itself, is held by another run or runner"},
		{ExitDivergence, "divergence", "the script and the record of the run disagree; nothing was done"},
		{ExitInterrupted, "interrupted", "stopped by a signal, because the journal could not be written (a full disk), or for want of a secret; resume goes on"},
	}
}

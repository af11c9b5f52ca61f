package meter

import (
	"errors"
	"fmt"

	"meterd/dlt645"
)

// A transaction fails in three ways that are never mixed, besides a port
// that is gone: silence, noise, and a refusal (*dlt645.Refusal). Silence and
// noise are retried, a refusal is the meter's word and is not.
var (
	// ErrSilence says that nothing came that was meant for us.
	ErrSilence = errors.New("silence")
	// ErrNoise says that bytes came, but no good frame.
	ErrNoise = errors.New("noise")
)

// ErrForeign says that another meter answered than the one that was asked: a
// kind of silence.
var ErrForeign = fmt.Errorf("%w of the meter: another one answered", ErrSilence)

// errUnclear says that the meter refused something, and it is not known which of
// the requests that it had not answered: a kind of silence, of a meter that is there.
var errUnclear = fmt.Errorf("%w: it refused something, this or what was asked before", ErrSilence)

// ErrOverrun says that a meter goes on with more than the item can hold.
var ErrOverrun = errors.New("overrun")

// PortError says that the port itself failed.
type PortError struct {
	Bus string
	Err error
}

func (e *PortError) Error() string { return fmt.Sprintf("meter: bus %s: %v", e.Bus, e.Err) }
func (e *PortError) Unwrap() error { return e.Err }

// FailureKind names how a transaction failed: "silence", "noise", "refusal",
// "port", or "" for any other error.
func FailureKind(err error) string {
	if _, ok := errors.AsType[*dlt645.Refusal](err); ok {
		return "refusal"
	}
	if _, ok := errors.AsType[*PortError](err); ok {
		return "port"
	}
	switch {
	case errors.Is(err, ErrSilence):
		return "silence"
	case errors.Is(err, ErrNoise):
		return "noise"
	}
	return ""
}

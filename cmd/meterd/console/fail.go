package console

import (
	"errors"
	"fmt"

	"meterd/dlt645"
)

// Error is a command's failure with what to do about it.
type Error struct{ Text, Hint string }

func (e *Error) Error() string { return e.Text }

// Told is a failure in the languages of the console. As an error it is
// English.
type Told struct {
	Text, Hint dlt645.Text
	Want       Want
}

func (t *Told) Error() string { return t.Text.EN }

// Tell gives a failure; args fill its text.
func Tell(text, hint dlt645.Text, args ...any) *Told {
	return &Told{Text: dlt645.Text{EN: fmt.Sprintf(text.EN, args...), ZH: fmt.Sprintf(text.ZH, args...)}, Hint: hint}
}

// Sure is the failure of a command that is to be said again with -yes.
func Sure(text dlt645.Text, args ...any) *Told {
	t := Tell(text, dlt645.Text{EN: "say it again with -yes", ZH: "请加上 -yes 再执行"}, args...)
	t.Want = WantYes
	return t
}

// Want is what a command needs besides its words.
type Want string

// The wants.
const (
	WantPIN Want = "pin"
	WantYes Want = "yes"
)

// Wanting is a failure as the client gets it: the same command again would
// do, with what it wants.
type Wanting struct {
	Text, Hint string
	Want       Want
}

func (w *Wanting) Error() string { return w.Text }

// Unwrap gives text and hint as an Error.
func (w *Wanting) Unwrap() error { return &Error{w.Text, w.Hint} }

// lastReply ends an answer.
func lastReply(err error, language string) Reply {
	last := Reply{Done: true}
	if err == nil {
		return last
	}
	last.Error = err.Error()
	if e, ok := errors.AsType[*Error](err); ok {
		last.Hint = e.Hint
	}
	if t, ok := errors.AsType[*Told](err); ok {
		last.Error, last.Hint, last.Wants = t.Text.In(language), t.Hint.In(language), t.Want
	}
	last.Error = Harmless(last.Error)
	return last
}

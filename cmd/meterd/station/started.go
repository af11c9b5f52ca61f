package station

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
)

// Two notes tell why the program was started: beside the console's socket, in
// memory, in which start of the system it ran last and whether it ended as it was
// asked to; and beside the state, on flash, that somebody has ordered a reboot.

// runNote is what the first of them holds.
type runNote struct {
	Boot  uint32 `json:"boot"`
	Ended bool   `json:"ended"`
}

func runNoteOf(c *config.Config) string   { return c.Console.Socket + ".run" }
func orderNoteOf(c *config.Config) string { return c.Store.State + ".reboot" }

// noteStart finds out why the program was started, and notes that it runs.
func (st *Station) noteStart(c *config.Config) {
	st.why = st.whyStarted(c)
	st.runNote = runNoteOf(c)
	st.noteRun(false)
	if err := board.RemoveFile(orderNoteOf(c)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		st.log.Warn("why the program is started cannot be noted", "err", err)
	}
}

func (st *Station) whyStarted(c *config.Config) string {
	var last runNote
	b, err := board.ReadFile(runNoteOf(c), mostNote)
	if err == nil {
		err = json.Unmarshal(b, &last)
	}
	switch _, ordered := os.Lstat(orderNoteOf(c)); {
	case err == nil && last.Boot == st.boot && last.Ended:
		return console.StartedProgram
	case err == nil && last.Boot == st.boot:
		return console.StartedCrash
	case ordered == nil:
		return console.StartedReboot
	}
	return console.StartedBoard
}

// noteRun notes that the program runs, or that it ends as it was asked to.
func (st *Station) noteRun(ended bool) {
	b, err := json.Marshal(runNote{st.boot, ended})
	if err == nil {
		err = board.WriteFile(st.runNote, append(b, '\n'), 0o600)
	}
	if err != nil {
		st.log.Warn("why the program is started cannot be noted", "err", err)
	}
}

// noteOrder notes that somebody has ordered a reboot.
func (sh *shift) noteOrder() {
	if err := board.WriteFile(orderNoteOf(sh.config), nil, 0o600); err != nil {
		sh.log.Warn("why the program is started cannot be noted", "err", err)
	}
}

package tool

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"meterd/board"
	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/config"
	"meterd/store"
)

// formatRing is "ring format": it tells what stands at a path, and makes a new
// ring there if nothing does, or if what does may go.
func formatRing(f *flag.FlagSet, w io.Writer, size string, yes bool) error {
	path := f.Arg(0)
	var g store.Geometry
	if size != "" {
		var ok bool
		if g.Size, ok = config.ParseSize(size); !ok || g.Size < store.MinSize {
			return cli.Wrong(f, "-size %s: want a whole number and KiB, MiB or GiB, %d KiB at least", size, (store.MinSize+1023)>>10)
		}
	}
	found, err := store.Survey(path)
	if err != nil {
		return cli.Fail("name the file or the whole block device of [store] path", "%v", err)
	}
	told := foundText(path, found)
	if found.What != store.Nothing && found.What != store.Blank && !yes {
		return cli.Fail(formatHint(path, found), "%s", told)
	}
	fmt.Fprintln(w, told)
	if err := store.Format(path, g); err != nil {
		return cli.Fail("end meterd first, if it uses the ring; nothing else may have the device mounted", "%v", err)
	}
	made, err := store.Survey(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s is a new ring of %s\n", path, sizeText(made.Bytes))
	return nil
}

// formatHint tells how to go on, and what to save before.
func formatHint(path string, found store.Found) string {
	hint := "if it may go, say it again with -yes"
	if found.What == store.OurRing && found.Records > 0 {
		hint += "; meterd ring export " + path + " copies its readings"
	}
	return hint
}

// foundText tells what stands at a path.
func foundText(path string, found store.Found) string {
	where := path
	if found.Device {
		where += ", a device of " + sizeText(found.Bytes) + ","
	}
	switch found.What {
	case store.Nothing:
		return path + " does not exist"
	case store.Blank:
		return where + " is empty"
	case store.OtherRing:
		if found.Format == 0 {
			return where + " is a ring of another format"
		}
		return fmt.Sprintf("%s is a ring of format %d, which this program does not read", where, found.Format)
	case store.OurRing:
		return where + " is a ring" + whoseText(path, found) + " of format " + fmt.Sprint(found.Format) + ", " + unreadText(found)
	}
	return fmt.Sprintf("%s is no ring: %s that begin with %s", where, sizeText(found.Bytes), beginsText(found.Begins))
}

// whoseText tells where a ring was at work, as far as the mark beside its state
// knows.
func whoseText(path string, found store.Found) string {
	mark := board.ReadMark(path + ".state.board")
	switch this := board.HardwareID(); {
	case mark.Ring == "":
		return ""
	case mark.Ring != fmt.Sprintf("%x", found.ID):
		return ", another one than this board used here,"
	case mark.Board != "" && this != "" && mark.Board != this:
		return " of the board " + mark.Board
	}
	return " of this board"
}

// unreadText tells what would be lost with a ring.
func unreadText(found store.Found) string {
	if found.Records == 0 {
		return "without a record"
	}
	text := fmt.Sprintf("with %d records", found.Records)
	if len(found.Unread) == 0 {
		return text + ", of which nobody has read any"
	}
	for _, name := range slices.Sorted(maps.Keys(found.Unread)) {
		text += fmt.Sprintf("; %d are not delivered to %s", found.Unread[name], name)
	}
	return text
}

// beginsText shows the first bytes, as text where they are such.
func beginsText(b []byte) string {
	if strings.ContainsFunc(string(b), func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("% X", b)
	}
	return fmt.Sprintf("%q", b)
}

func sizeText(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

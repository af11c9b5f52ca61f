package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Batch carries out the lines of a file or pipe, one after the other. Blank
// lines and those with # are left out. The error tells how many failed.
func (s *Session) Batch(ctx context.Context, in io.Reader, out, errs io.Writer) error {
	lines := bufio.NewScanner(in)
	failed := 0
	for lines.Scan() && ctx.Err() == nil {
		split, _ := split(lines.Text())
		var words []string
		for _, w := range split {
			words = append(words, w.text)
		}
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		err := Call(ctx, s.Socket, Request{Command: words}, func(r Reply) error {
			_, err := io.WriteString(out, r.Out)
			return err
		})
		if err == nil {
			continue
		}
		failed++
		fmt.Fprintf(errs, "error: %s: %v\n", words[0], err)
		if e, ok := errors.AsType[*Error](err); ok && e.Hint != "" {
			fmt.Fprintf(errs, "hint: %s\n", e.Hint)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d commands failed", failed)
	}
	return nil
}

package console

import (
	"slices"
	"strings"
)

// mostWords is how many words are offered at once.
const mostWords = 400

// complete gives the words that may stand in the place of the last one, the
// begin of which is known.
func (c Commands) complete(words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	begun := words[len(words)-1]
	var all []string
	cmd, ok := c.find(words[0])
	switch {
	case len(words) == 1, words[0] == helpCommand.Name && len(words) == 2:
		for _, cmd := range append(slices.Clone(c.List), helpCommand) {
			all = append(all, cmd.Name)
		}
	case ok && cmd.Words != nil:
		all = cmd.Words(words[1 : len(words)-1])
	}
	out := []string{}
	for _, w := range all {
		if len(w) >= len(begun) && strings.EqualFold(w[:len(begun)], begun) && len(out) < mostWords && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

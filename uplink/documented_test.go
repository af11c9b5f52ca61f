package uplink

import (
	"os"
	"strings"
	"testing"
)

// TestCausesAreDocumented: whoever stands at the cupboard finds why there is no
// connection in the guide to the installation.
func TestCausesAreDocumented(t *testing.T) {
	var words []string
	for _, r := range refusals {
		words = append(words, "refused by the broker: "+r.Words)
	}
	for _, err := range []error{errWantsTLS, errNoTLS, errNoBroker, errNoConnack, errClosed, errDeaf, errNoClock} {
		words = append(words, err.Error())
	}
	for _, path := range []string{"../docs/install.md", "../docs/install.zh-CN.md"} {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if !strings.Contains(string(page), "| `"+w+"` |") {
				t.Errorf("%s has no row for: %s", path, w)
			}
		}
	}
}

package console

import (
	"fmt"
	"time"

	"meterd/dlt645"
)

// ConfigText is the configuration that runs, its secrets hidden.
type ConfigText struct {
	File   string      `json:"file"`
	SHA256 string      `json:"sha256"`           // of the text with its secrets
	State  string      `json:"state"`            // "proved", "trial", "partly" (proved, but not all has come up), "back" (the one before runs again)
	At     *time.Time  `json:"at"`               // of the last change
	Until  *time.Time  `json:"until"`            // of the trial
	Signed *time.Time  `json:"signed,omitempty"` // the date that its signer has given
	Says   dlt645.Text `json:"-"`
	TOML   string      `json:"toml"`
}

// Text gives it as TOML, with what there is to say of it as comments.
func (c ConfigText) Text(lang string) string {
	s := fmt.Sprintf("# %s  %.12s  %s\n", c.File, c.SHA256, c.State)
	if c.At != nil {
		s += "# " + c.At.Format(time.DateTime) + "  " + c.Says.In(lang) + "\n"
	}
	if c.Signed != nil {
		s += "# " + say(lang, dlt645.Text{EN: "signed %s: an older one is refused", ZH: "签名日期 %s：拒绝更旧的配置"}, c.Signed.Format(time.RFC3339)) + "\n"
	}
	return s + c.TOML
}

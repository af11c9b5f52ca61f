package panel

import (
	"testing"

	"meterd/cmd/meterd/desk"
	"meterd/meter"
)

// TestANameThatIsNearlyAMeters: the hint is the name as it has to be typed.
func TestANameThatIsNearlyAMeters(t *testing.T) {
	p := &Panel{Desk: &desk.Desk{Config: desk.Config{Meters: []*meter.Handle{{Name: "Unit 101"}, {Name: "一号楼 102"}}}}}
	for who, want := range map[string][2]string{
		"unit101": {`do you mean "Unit 101"?`, `是否为 "Unit 101"？`},
		"Unit":    {`a name with blanks stands in quotes: "Unit 101"`, `名称含空格时须加引号："Unit 101"`},
		"一号楼102":  {`do you mean "一号楼 102"?`, `是否为 "一号楼 102"？`},
		"x":       {tryMeters.EN, tryMeters.ZH},
	} {
		if got := p.meant(who); got.EN != want[0] || got.ZH != want[1] {
			t.Errorf("%s: got %v, want %v", who, got, want)
		}
	}
}

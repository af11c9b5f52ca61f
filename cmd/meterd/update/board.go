package update

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// ThisBoard names the kind of board that this program was built for: "armv5",
// "armv7", "arm64", as what is flashed is called.
func ThisBoard() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return runtime.GOARCH
	}
	for _, s := range info.Settings {
		if s.Key == "GOARM" {
			version, _, _ := strings.Cut(s.Value, ",")
			return runtime.GOARCH + "v" + version
		}
	}
	return runtime.GOARCH
}

// ThisPackage is the image of a program that came with a package.
func ThisPackage(version string) Image {
	return Image{Version: version, Board: ThisBoard(), Kind: Program}
}

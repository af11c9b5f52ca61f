package onenet_test

import (
	"testing"

	"meterd/uplink/uplinktest/shown"
)

// TestMessagesOfTheDocument are shown, or not applicable for a reason.
func TestMessagesOfTheDocument(t *testing.T) {
	shown.Run(t, "../../docs/messages.md", "OneNET, old suite", "OneNET Studio")
}

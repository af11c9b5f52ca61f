// Package broker delivers to a broker of one's own, in one of three layouts:
// JSON, whose readings carry their times and whose newest values are kept as
// states that Home Assistant discovers; Flat, a topic for each value; and
// ThingsBoard, the interface of that platform for gateways.
//
//	{prefix}/{gateway}/status                  online, offline     kept, will
//	{prefix}/{gateway}/info                    who we are          kept
//	{prefix}/{gateway}/board                   how the board fares kept, if wanted
//	{prefix}/{gateway}/meter/{id}/status       online, offline     kept
//	{prefix}/{gateway}/meter/{id}/state        the newest values   kept, of now alone
//	{prefix}/{gateway}/meter/{id}/readings     every reading with its time
//	{prefix}/{gateway}/meter/{id}/event        every event
//	{prefix}/{gateway}/cmd/request, response   commands
//	{prefix}/{gateway}/ack                     what a consumer has stored
//
// Who consumes that is not seen from here, so the configuration says what
// counts as delivered: docs/platforms.md tells what each choice proves.
package broker

// Package onenet speaks the two dialects of OneNET, China Mobile's platform:
// Suite, the old MQTT suite with data points and streams (numeric product
// ids), and Studio, the thing model of OneNET Studio. Both connect with the
// same token.
package onenet

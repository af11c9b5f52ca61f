// Package store keeps records in a ring on flash: opaque bytes with sequence
// numbers that never repeat, and named cursors that tell how far each reader
// has acknowledged. It knows nothing of meters or clouds.
//
// The ring is one file, zero-filled once so that later writes change no
// metadata of the file system, or one whole block device. Segments of frames;
// a frame is one durable commit, at a multiple of the write unit, with a crc of
// its header and one of its body, and leads back to the frame before. A power
// cut can hit the last frame alone; a number is offered only below a
// reservation that is durable. docs/ring-format.md draws the format and says why
// a power cut harms nothing.
package store

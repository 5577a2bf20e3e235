// Package release brings software to machines by lock file.
//
// A [Lock] names every file of a release: where it comes from, what its sha256
// must be and where it goes in the tree. From the lock alone follows the
// release's identity, [Lock.Digest], so that a preview needs no download. A
// [Store] is a cache on the controller: it fetches what is missing with the
// ecosystems' own clients (Maven, pip) or by HTTP, believes nothing that does
// not have the locked checksum, and packs the tree once into one tar file that
// is streamed to all machines.
//
// The tree holds its own list of checksums, SHA256SUMS, whose sha256 is the
// release's digest: a machine that checks both has the release that the lock
// meant, whatever brought it there.
//
// Guarantees: what is in the store under a checksum had that checksum when it
// came in, and is checked again whenever it is packed; two processes may use
// one store; a killed process leaves nothing that looks complete; one lock
// gives one tree, whenever and wherever it is packed.
//
// Limits: releases hold regular files only, executable or not; archives are tar
// files, plain or compressed with gzip or zstd.
package release

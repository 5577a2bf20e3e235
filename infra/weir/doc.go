// Kafka stream clusters on machines you own, over SSH.
package weir

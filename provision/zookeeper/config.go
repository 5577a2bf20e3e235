package zookeeper

import (
	"fmt"
	"strconv"

	"weir/provision/address"
	"weir/provision/properties"
)

// fourLetterWords are what the health checks and an operator ask: ZooKeeper
// answers only srvr unless told otherwise (since 3.5.3).
const fourLetterWords = "conf,mntr,ruok,srvr"

// properties is zookeeper.properties: the article's settings in the article's
// order, then what keeps an ensemble sound for years.
func (s Spec) properties() properties.File {
	article := properties.Section{
		Title: "Written by weir; changes by hand are undone.\nThe article's settings.",
		Settings: []properties.Setting{
			{Key: "tickTime", Value: strconv.Itoa(s.TickTime)},
			{Key: "dataDir", Value: s.Layout.DataDir},
			{Key: "clientPort", Value: strconv.Itoa(s.ClientPort)},
			{Key: "initLimit", Value: strconv.Itoa(s.InitLimit)},
			{Key: "syncLimit", Value: strconv.Itoa(s.SyncLimit)},
		},
	}
	if s.Plain {
		article.Title = ""
		article.Settings[1].Value += "/" // as the article writes it
	}
	for _, m := range s.Members {
		article.Settings = append(article.Settings, properties.Setting{
			Key:   fmt.Sprintf("server.%d", m.ID),
			Value: fmt.Sprintf("%s:%d", address.WithPort(m.Address, s.PeerPort), s.ElectionPort),
		})
	}
	if s.Plain {
		return properties.File{article}.Override(s.Config)
	}
	today := properties.Section{
		Title: "What an ensemble needs today.",
		Settings: []properties.Setting{
			{Key: "4lw.commands.whitelist", Value: fourLetterWords, Note: "the health checks ask with these"},
			{Key: "admin.enableServer", Value: "false", Note: "it would take port 8080"},
			{Key: "autopurge.snapRetainCount", Value: "3", Note: "old snapshots are kept for ever by default"},
			{Key: "autopurge.purgeInterval", Value: "24"},
			{Key: "maxClientCnxns", Value: "60", Note: "connections from one client address"},
		},
	}
	return properties.File{article, today}.Override(s.Config)
}

// log4j sends everything to the journal, which rotates; the shipped
// configuration also writes files that nobody removes.
const log4j = `# Written by weir; changes by hand are undone.
log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n
`

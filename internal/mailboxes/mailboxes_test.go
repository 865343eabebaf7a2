package mailboxes

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

func TestContains(t *testing.T) {
	t.Parallel()
	for _, name := range strings.Fields(`
		gmail.com googlemail.com
		outlook.com outlook.de hotmail.com hotmail.co.uk hotmail.fr hotmail.de live.com live.nl msn.com
		yahoo.com yahoo.co.uk yahoo.co.jp yahoo.fr yahoo.com.br ymail.com rocketmail.com aol.com
		icloud.com me.com mac.com privaterelay.appleid.com
		gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de freenet.de posteo.de mailbox.org bluewin.ch
		proton.me protonmail.com pm.me tuta.com tutanota.com fastmail.com hey.com hushmail.com zoho.com duck.com mail.com
		qq.com foxmail.com 163.com 126.com sina.com sohu.com naver.com hanmail.net daum.net docomo.ne.jp
		mail.ru bk.ru inbox.ru list.ru rambler.ru yandex.ru yandex.com ya.ru ukr.net
		orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it alice.it tiscali.it
		wp.pl o2.pl onet.pl interia.pl seznam.cz centrum.cz freemail.hu abv.bg rediffmail.com
		uol.com.br bol.com.br terra.com.br btinternet.com sky.com virginmedia.com ziggo.nl telenet.be
		bigpond.com xtra.co.nz comcast.net att.net verizon.net cox.net shaw.ca rogers.com
		mailinator.com yopmail.com guerrillamail.com`) {
		if !Contains(name) {
			t.Errorf("Contains(%q) is false", name)
		}
	}
	for _, name := range []string{
		"", "com", "acme.test", "example.com", "notgmail.com", "gmail.com.acme.test", "GMAIL.COM", "gmail.com.", "mail.gmail.com",
		"google.com", "microsoft.com", "apple.com", "orange.com", "proton.ch", "# Domains", "stanford.edu",
	} {
		if Contains(name) {
			t.Errorf("Contains(%q) is true", name)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	var names []string
	for i, line := range strings.Split(strings.TrimSuffix(list, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			if len(names) > 0 {
				t.Errorf("line %d is a comment among the names", i+1)
			}
			continue
		}
		ascii, err := idna.Registration.ToASCII(line)
		if err != nil || ascii != line || strings.Trim(line, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || !strings.Contains(line, ".") {
			t.Errorf("line %d is not a canonical domain: %q", i+1, line)
		}
		if suffix, _ := publicsuffix.PublicSuffix(line); suffix == line {
			t.Errorf("line %d is a public suffix, under which companies have names: %q", i+1, line)
		}
		names = append(names, line)
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("the names are not sorted or not unique")
	}
	if len(names) < 1000 || len(names) > 5000 {
		t.Errorf("there are %d names", len(names))
	}
	if len(domains()) != len(names) {
		t.Errorf("%d names were read of %d", len(domains()), len(names))
	}
	header, _, _ := strings.Cut(list, "\n"+names[0])
	for _, want := range []string{"Compiled on 20", "email-open-data", "CC0"} {
		if !strings.Contains(header, want) {
			t.Errorf("the header does not say %q", want)
		}
	}
}

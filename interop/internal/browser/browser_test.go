package browser

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
)

func page(t *testing.T, at, body string) *Page {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return &Page{URL: u, Status: http.StatusOK, Body: []byte(body)}
}

func TestAFormSendsWhatABrowserWouldSend(t *testing.T) {
	t.Parallel()
	p := page(t, "https://idp.test/login?x=1", `<!doctype html>
<form action="../go?y=2" method="PoSt"><table><tr><td>
<input type="hidden" name="token" value="a&amp;b">
<input name="user" value="hint"><input type="EMAIL" name="mail">
<input type="password" name="pw"><input type="password" name="again">
<input type="checkbox" name="off"><input type="checkbox" name="on" checked>
<input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked>
<input type="file" name="file"><input type="button" name="b"><input name="gone" value="x" disabled>
<input value="has no name">
<select name="lang"><option value="de">D<option selected value="en">E</select>
<select name="first"><option>one<option>two</select>
<textarea name="note"> hi </textarea>
<button type="button" name="no">No</button><button name="do" value="in"> Sign <b>in</b></button>
<input type="submit" name="cancel" value="Cancel">
</table></form>
<form action="#"></form><form action=" "></form>`)
	forms := p.Forms()
	if len(forms) != 3 {
		t.Fatalf("%d forms", len(forms))
	}
	f := forms[0]
	want := url.Values{"token": {"a&b"}, "user": {"hint"}, "mail": {""}, "pw": {""}, "again": {""}, "on": {"on"}, "r": {"2"},
		"lang": {"en"}, "first": {"one"}, "note": {"hi"}}
	if !maps.EqualFunc(f.Values, want, slices.Equal) {
		t.Errorf("values %v", f.Values)
	}
	if f.Method != http.MethodPost || f.Action.String() != "https://idp.test/go?y=2" || f.Password != "pw" || !slices.Contains(f.Text, "mail") {
		t.Errorf("%s %s, password %q, texts %q", f.Method, f.Action, f.Password, f.Text)
	}
	if want := []Button{{"do", "in", "Sign in"}, {"cancel", "Cancel", "Cancel"}}; !slices.Equal(f.Buttons, want) {
		t.Errorf("buttons %v", f.Buttons)
	}
	if forms[1].Action.String() != "https://idp.test/login?x=1" || forms[2].Action != p.URL || forms[2].Method != http.MethodGet {
		t.Errorf("%s, %s", forms[1].Action, forms[2].Action)
	}
}

func TestLinksAreResolved(t *testing.T) {
	t.Parallel()
	links := page(t, "https://idp.test/a/b", `<a href="abort?x=1&amp;y=2">Cancel</a><a name="top"></a>`).Links()
	if len(links) != 1 || links[0].String() != "https://idp.test/a/abort?x=1&y=2" {
		t.Errorf("%v", links)
	}
}

// site answers what it was asked.
func site(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /start", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "s", Value: "1", Secure: true, Path: "/"})
		http.Redirect(w, r, "/echo", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /seeother", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/echo", http.StatusFound) })
	mux.HandleFunc("POST /again", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("GET /back", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/callback?code=1", http.StatusFound)
	})
	mux.HandleFunc("GET /loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		io.WriteString(w, r.Method+" "+string(body)+r.URL.RawQuery+" "+r.Header.Get("Cookie"))
	})
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "callback") })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestRedirectsCookiesAndTheHeldURL(t *testing.T) {
	t.Parallel()
	base := site(t).URL
	b := New(base + "/callback")
	get := func(p *Page, err error) *Page {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := get(b.Get(t.Context(), base+"/start")); string(p.Body) != "GET  s=1" || p.URL.Path != "/echo" {
		t.Errorf("%q at %s: a Secure cookie goes to loopback", p.Body, p.URL)
	}
	if p := get(b.PostForm(t.Context(), base+"/seeother", url.Values{"a": {"b"}})); string(p.Body) != "GET  s=1" {
		t.Errorf("%q after 302", p.Body)
	}
	if p := get(b.PostForm(t.Context(), base+"/again", url.Values{"a": {"b"}})); string(p.Body) != "POST a=b s=1" {
		t.Errorf("%q after 307", p.Body)
	}
	if p := get(b.Get(t.Context(), base+"/back")); !p.Held || p.URL.RawQuery != "code=1" || p.Body != nil {
		t.Errorf("%+v was not held", p)
	}
	if p := get(b.Get(t.Context(), base+"/callback?code=1")); p.Held || string(p.Body) != "callback" {
		t.Errorf("%q: what is asked for directly is fetched", p.Body)
	}
	if p := get(b.Send(t.Context(), http.MethodGet, base+"/back", "", "")); p.Location() == nil || p.Status != http.StatusFound {
		t.Errorf("%d %v", p.Status, p.Location())
	}
	if p, err := b.Get(t.Context(), base+"/loop"); err == nil {
		t.Errorf("a loop ended at %s", p.URL)
	}
}

func TestSubmitFillsInAndPresses(t *testing.T) {
	t.Parallel()
	base := site(t).URL
	b := New("")
	for method, want := range map[string]string{"post": "POST do=in&h=1&user=alice ", "get": "GET do=in&h=1&user=alice "} {
		form := page(t, base+"/", `<form action="/echo?old=1" method="`+method+`"><input type=hidden name=h value=1><input name=user>
<button name=do value=in>In</button></form>`).Forms()[0]
		if method == "post" {
			form.Action.RawQuery = ""
		}
		answer, err := b.Submit(t.Context(), form, map[string]string{"user": "alice"}, &form.Buttons[0])
		if err != nil || string(answer.Body) != want {
			t.Errorf("%q, %v", answer.Body, err)
		}
		if form.Values.Get("user") != "" {
			t.Error("the form itself was changed")
		}
	}
}

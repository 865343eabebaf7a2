// The page: it asks the API how somebody signs in, and either shows the password field or goes to the identity provider.

const $ = (id) => document.getElementById(id);

// call sends JSON and gives JSON. An error of the API has code, message and id; a network that is down gets the same shape.
async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { "Accept": "application/json", ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw { code: "network", message: "There is no connection. Please try again." };
  }
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw answer;
  return answer;
}

function show(user) {
  $("login").hidden = Boolean(user);
  $("account").hidden = !user;
  $("title").textContent = user ? `Hello, ${user.name}` : "Sign in";
  $("who").textContent = user ? user.email : "";
}

function showError(error) {
  $("message").textContent = error ? error.message + (error.id ? ` (${error.code} ${error.id})` : "") : "";
  $("message").hidden = !error;
}

// Another address may have another way in.
$("email").addEventListener("input", () => {
  $("password-part").hidden = true;
  $("password").required = false;
});

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  showError();
  const email = $("email").value;
  try {
    if (!$("password-part").hidden) {
      show(await call("POST", "/api/password", { email, password: $("password").value }));
      $("password").value = "";
      $("title").focus();
      return;
    }
    const way = await call("POST", "/api/login", { email, next: location.pathname });
    if (way.method === "sso") {
      location.assign(way.url); // and the browser comes back signed in
      return;
    }
    $("password-part").hidden = false;
    $("password").required = true;
    $("password").focus();
  } catch (error) {
    showError(error);
  }
});

$("logout").addEventListener("click", async () => {
  try {
    await call("POST", "/api/logout");
    show(null);
    $("title").focus();
  } catch (error) {
    showError(error);
  }
});

// A sign-in that failed comes back with ?error=CODE&id=ID. What is shown is the API's: anybody can write a URL.
async function showErrorOfURL() {
  const query = new URLSearchParams(location.search);
  const code = query.get("error");
  if (!code) return;
  history.replaceState(null, "", location.pathname);
  try {
    showError(await call("GET", `/api/errors/${encodeURIComponent(code)}?id=${encodeURIComponent(query.get("id") ?? "")}`));
  } catch (error) {
    showError(error);
  }
}

try {
  show(await call("GET", "/api/me"));
} catch (error) {
  show(null);
  if (error.code !== "signed_out") showError(error);
}
await showErrorOfURL();

// Says where a file goes while its name is being typed.
const field = document.getElementById("name");
const shown = document.getElementById("where");
let last = 0;

async function ask() {
  const number = ++last;
  const response = await fetch(`${field.dataset.where}?name=${encodeURIComponent(field.value)}`);
  const found = await response.json();
  if (number !== last) return; // a later answer is there already
  shown.textContent = "";
  if (found.error) {
    shown.textContent = found.error;
    return;
  }
  const badge = document.createElement("span");
  badge.className = `backend ${found.alias}`;
  badge.textContent = found.alias;
  const reader = found.private ? "only who may read it" : "public";
  shown.append("goes to ", badge, ` ${found.where} (${reader}): ${found.why}`);
}

field.addEventListener("input", ask);
ask();

/* Sends the file of a DirectFileInput from the browser to the storage service, in blocks.
   Nothing has to be called: the script listens for changes in every <input data-direct-upload>. */
(() => {
  "use strict";

  const SINGLE = 8 * 1024 * 1024; // bytes up to which a file is one request
  const PARALLEL = 4;
  const ATTEMPTS = 6; // for one request; the pauses between them grow to 16 seconds
  const running = new Map(); // input -> AbortController

  if (!window.fetch || !window.crypto?.subtle || !window.AbortController) {
    return; // The form sends the file as usual.
  }

  class Refused extends Error {} // The site said no; the message is for the user.
  class Unreachable extends Error {} // The service cannot be reached from here.

  const pause = (seconds, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, seconds * 1000);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });

  const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

  async function ask(settings, step, values, signal) {
    for (let attempt = 0; ; attempt++) {
      let response = null;
      try {
        response = await fetch(settings.urls[step], {
          method: "POST",
          credentials: "same-origin",
          headers: { "Content-Type": "application/json", "X-CSRFToken": csrf() },
          body: JSON.stringify(values),
          signal,
        });
      } catch (error) {
        if (signal.aborted || attempt >= ATTEMPTS) throw error;
      }
      if (response && response.status < 500) {
        const answer = await response.json().catch(() => ({}));
        if (response.ok) return answer;
        throw new Refused(answer.error || settings.texts.refused);
      }
      if (attempt >= ATTEMPTS) throw new Refused(settings.texts.failed);
      await pause(Math.min(2 ** attempt, 16), signal);
    }
  }

  function csrf() {
    const field = document.querySelector("input[name=csrfmiddlewaretoken]");
    const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]*)/);
    return field ? field.value : cookie ? decodeURIComponent(cookie[1]) : "";
  }

  class Upload {
    constructor(file, settings, signal, show) {
      Object.assign(this, { file, settings, signal, show, sent: 0, reached: false });
      this.key = ["storage_router", settings.policy, file.name, file.size, file.lastModified].join(":");
    }

    async run() {
      const stored = window.localStorage.getItem(this.key);
      let present = [];
      if (stored) {
        try {
          const answer = await ask(this.settings, "blocks", { token: stored }, this.signal);
          this.ticket = answer;
          present = answer.blocks;
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          window.localStorage.removeItem(this.key);
        }
      }
      if (!this.ticket) {
        const { name, type, size } = this.file;
        const values = { policy: this.settings.policy, name, type, size };
        this.ticket = await ask(this.settings, "begin", values, this.signal);
        window.localStorage.setItem(this.key, this.ticket.token);
      }
      if (this.file.size <= SINGLE) await this.put(this.file, "", { "x-ms-blob-type": "BlockBlob" });
      else await this.putBlocks(new Set(present));
      const done = await ask(this.settings, "complete", { token: this.ticket.token }, this.signal);
      window.localStorage.removeItem(this.key);
      return done;
    }

    async putBlocks(present) {
      const size = this.ticket.block_size;
      const ids = new Array(Math.ceil(this.file.size / size));
      let next = 0;
      const work = async () => {
        while (next < ids.length) {
          const number = next++;
          const block = this.file.slice(number * size, (number + 1) * size);
          const bytes = await block.arrayBuffer();
          const digest = hex(await crypto.subtle.digest("SHA-256", bytes)).slice(0, 32);
          const id = btoa(`${String(number).padStart(6, "0")}-${digest}`);
          ids[number] = id;
          if (present.has(id)) this.progress(block.size);
          else await this.put(bytes, `&comp=block&blockid=${encodeURIComponent(id)}`, {});
        }
      };
      await Promise.all(Array.from({ length: PARALLEL }, work));
      const list = ids.map((id) => `<Latest>${id}</Latest>`).join("");
      const body = `<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`;
      await this.put(body, "&comp=blocklist", { "Content-Type": "text/plain" }, 0);
    }

    async put(body, query, headers, size = body.size ?? body.byteLength) {
      for (let attempt = 0; ; attempt++) {
        let status = 0;
        try {
          const options = { method: "PUT", body, headers, signal: this.signal, credentials: "omit" };
          status = (await fetch(this.ticket.url + query, options)).status;
          this.reached = true;
        } catch (error) {
          if (this.signal.aborted) throw error;
        }
        if (status === 201) break;
        if (status === 409 && !query) break; // The first attempt arrived, and its answer was lost.
        if (attempt >= ATTEMPTS || (status === 0 && !this.reached && attempt >= 1)) {
          if (!this.reached) throw new Unreachable();
          throw new Refused(this.settings.texts.failed);
        }
        if (status === 403) {
          const renewed = await ask(this.settings, "renew", { token: this.ticket.token }, this.signal);
          this.ticket.url = renewed.url;
        }
        await pause(Math.min(2 ** attempt / 2, 16), this.signal);
      }
      this.progress(size);
    }

    progress(bytes) {
      this.sent += bytes;
      this.show(this.sent, this.file.size);
    }
  }

  function parts(input) {
    const box = input.closest("[data-direct-upload-box]");
    return {
      box,
      token: box.querySelector("[data-direct-upload-token]"),
      progress: box.querySelector("progress"),
      stop: box.querySelector("button"),
      status: box.querySelector("output"),
      settings: JSON.parse(box.dataset.directUploadBox),
    };
  }

  function say(input, name, detail) {
    input.dispatchEvent(new CustomEvent(`storage-router:${name}`, { bubbles: true, detail }));
  }

  async function upload(input) {
    const { box, token, progress, stop, status, settings } = parts(input);
    running.get(input)?.abort();
    token.value = "";
    input.name = box.dataset.name || input.name;
    box.dataset.name = input.name;
    status.textContent = "";
    const file = input.files[0];
    if (!file) return;
    const controller = new AbortController();
    running.set(input, controller);
    progress.hidden = stop.hidden = false;
    progress.max = file.size || 1;
    progress.value = 0;
    status.textContent = settings.texts.sending;
    stop.onclick = () => controller.abort();
    let shown = 0;
    const show = (sent, size) => {
      progress.value = sent;
      say(input, "progress", { sent, size });
      const tenth = Math.floor((10 * sent) / (size || 1));
      if (tenth > shown) status.textContent = `${(shown = tenth) * 10} %`; // what a screen reader reads
    };
    try {
      const done = await new Upload(file, settings, controller.signal, show).run();
      token.value = done.token;
      input.removeAttribute("name"); // The form sends the token in place of the file.
      status.textContent = settings.texts.done;
      say(input, "complete", done);
    } catch (error) {
      if (running.get(input) !== controller) return; // another file was chosen
      if (controller.signal.aborted) {
        input.value = "";
        status.textContent = settings.texts.stopped;
      } else if (error instanceof Unreachable) {
        status.textContent = settings.texts.usual; // The form sends the file itself.
      } else {
        input.value = "";
        status.textContent = error instanceof Refused ? error.message : settings.texts.failed;
      }
      say(input, "failed", { message: status.textContent });
    } finally {
      if (running.get(input) === controller) {
        running.delete(input);
        progress.hidden = stop.hidden = true;
      }
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("input[type=file][data-direct-upload]")) upload(event.target);
  });

  document.addEventListener("submit", (event) => {
    for (const input of running.keys()) {
      if (event.target.contains(input)) {
        event.preventDefault();
        const { status, settings } = parts(input);
        status.textContent = settings.texts.wait;
        input.scrollIntoView({ block: "center" });
      }
    }
  });
})();

/* Sends the file of a DirectFileInput from the browser to the storage service, in blocks.
   Nothing has to be called: the script listens for changes of every <input data-direct-upload>, those that are added
   to the page later included. It dispatches the events storage-router:progress, :complete and :failed. */
(() => {
  "use strict";

  const SINGLE = 8 * 1024 * 1024; // bytes up to which a file is one request
  const PARALLEL = 4;
  const ATTEMPTS = 6; // for one request; the pauses between them grow to 16 seconds
  const running = new Map(); // input -> AbortController

  if (!window.fetch || !window.crypto?.subtle || !window.FormDataEvent) {
    return; // The form sends the file as usual. (crypto.subtle is there on https only.)
  }

  class Refused extends Error {} // The site said no; the message is for the user.
  class Unreachable extends Error {} // The service cannot be reached from here.

  const remembered = {
    // Storage may be switched off: then an upload cannot be resumed after a reload.
    get: (key) => attempt(() => localStorage.getItem(key)),
    set: (key, value) => attempt(() => localStorage.setItem(key, value)),
    drop: (key) => attempt(() => localStorage.removeItem(key)),
  };

  function attempt(work) {
    try {
      return work();
    } catch {
      return null;
    }
  }

  function pause(seconds, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const timer = setTimeout(resolve, seconds * 1000);
      signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
    });
  }

  function hex(buffer) {
    return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  class Upload {
    constructor(file, settings, csrf, signal, show) {
      Object.assign(this, { file, settings, csrf, signal, show, sent: 0, reached: false, stored: false });
      const { storage, policy } = settings;
      this.key = ["storage_router", storage, policy, file.name, file.size, file.lastModified].join(":");
    }

    async run() {
      try {
        await this.begin();
        if (!this.stored) await (this.file.size <= SINGLE ? this.putAll() : this.putBlocks());
        const done = await this.ask("complete", { token: this.token });
        remembered.drop(this.key);
        return done;
      } catch (error) {
        if (error instanceof Refused && error.final) remembered.drop(this.key);
        throw error;
      }
    }

    /** Get a ticket: for an upload of this file that was interrupted, else for a new one. */
    async begin() {
      const token = remembered.get(this.key);
      this.present = new Set();
      if (token) {
        try {
          this.token = token;
          return await this.renew();
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
        }
      }
      const { name, size } = this.file;
      const { storage, policy } = this.settings;
      this.ticket = await this.ask("begin", { storage, policy, name, size });
      this.token = this.ticket.token;
      remembered.set(this.key, this.token);
    }

    async renew() {
      this.ticket = await this.ask("renew", { token: this.token });
      this.present = new Set(this.ticket.blocks);
      this.stored = this.ticket.stored;
    }

    async putAll() {
      await this.put(this.file, "", { "x-ms-blob-type": "BlockBlob" });
      this.progress(this.file.size);
    }

    async putBlocks() {
      const size = this.ticket.block_size;
      const ids = new Array(Math.ceil(this.file.size / size));
      let next = 0;
      const work = async () => {
        while (next < ids.length && !this.stored) {
          const number = next++;
          const bytes = await this.file.slice(number * size, (number + 1) * size).arrayBuffer();
          // A block of an earlier attempt counts only if its bytes are those of this file.
          const digest = hex(await crypto.subtle.digest("SHA-256", bytes)).slice(0, 32);
          const id = btoa(`${String(number).padStart(6, "0")}-${digest}`);
          ids[number] = id;
          if (!this.present.has(id)) await this.put(bytes, `&comp=block&blockid=${encodeURIComponent(id)}`);
          this.progress(bytes.byteLength);
        }
      };
      await Promise.all(Array.from({ length: PARALLEL }, work));
      const list = ids.map((id) => `<Latest>${id}</Latest>`).join("");
      const body = `<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`;
      if (!this.stored) await this.put(body, "&comp=blocklist");
    }

    /** Send one request to the service, again where that may help. */
    async put(body, query, headers = {}) {
      for (let tries = 0; !this.stored; tries++) {
        let status = 0;
        try {
          const options = { method: "PUT", body, headers, signal: this.signal, credentials: "omit" };
          status = (await fetch(this.ticket.url + query, options)).status;
          this.reached = true;
        } catch (error) {
          if (this.signal.aborted) throw error;
        }
        if (status === 201) return;
        if (!this.reached && tries >= 1) throw new Unreachable();
        if (tries >= ATTEMPTS) throw new Refused(this.settings.texts.failed);
        // The ticket has ended; or an earlier attempt arrived, its answer was lost, and a ticket does not overwrite.
        if (status === 403 || status === 409) await this.renew();
        else await pause(Math.min(2 ** tries / 2, 16), this.signal);
      }
    }

    /** Ask the site. */
    async ask(step, values) {
      for (let tries = 0; ; tries++) {
        let response = null;
        try {
          response = await fetch(this.settings.urls[step], {
            method: "POST",
            credentials: "same-origin",
            headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrf },
            body: JSON.stringify(values),
            signal: this.signal,
          });
        } catch (error) {
          if (this.signal.aborted) throw error;
        }
        if (response && response.status < 500) {
          const answer = await response.json().catch(() => ({}));
          if (response.ok) return answer;
          throw Object.assign(new Refused(answer.error || this.settings.texts.refused), { final: true });
        }
        if (tries >= ATTEMPTS) throw new Refused(this.settings.texts.failed);
        await pause(Math.min(2 ** tries / 2, 16), this.signal);
      }
    }

    progress(bytes) {
      this.sent += bytes;
      this.show(this.sent, this.file.size);
    }
  }

  function parts(input) {
    const box = input.closest("[data-direct-upload-box]");
    return {
      token: box.querySelector("[data-direct-upload-token]"),
      progress: box.querySelector("progress"),
      stop: box.querySelector("button"),
      status: box.querySelector("output"),
      settings: JSON.parse(box.dataset.directUploadBox),
    };
  }

  function csrfOf(input) {
    const field = (input.form ?? document).querySelector("input[name=csrfmiddlewaretoken]");
    const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]*)/);
    return field ? field.value : cookie ? decodeURIComponent(cookie[1]) : "";
  }

  function say(input, name, detail) {
    input.dispatchEvent(new CustomEvent(`storage-router:${name}`, { bubbles: true, detail }));
  }

  async function upload(input) {
    const { token, progress, stop, status, settings } = parts(input);
    running.get(input)?.abort();
    running.delete(input);
    token.value = "";
    status.textContent = "";
    progress.hidden = stop.hidden = true;
    const file = input.files[0];
    if (!file) return;
    const controller = new AbortController();
    running.set(input, controller);
    progress.hidden = stop.hidden = false;
    progress.max = file.size || 1;
    progress.value = 0;
    status.textContent = settings.texts.sending;
    stop.onclick = () => controller.abort();
    let told = 0;
    const show = (sent, size) => {
      if (running.get(input) !== controller) return;
      progress.value = sent;
      say(input, "progress", { sent, size });
      const tenth = Math.floor((10 * sent) / (size || 1));
      // Screen readers read this; not at every block.
      if (tenth > told) status.textContent = `${(told = tenth) * 10} %`;
    };
    try {
      const done = await new Upload(file, settings, csrfOf(input), controller.signal, show).run();
      if (running.get(input) !== controller) return; // Another file was chosen.
      token.value = done.token;
      status.textContent = settings.texts.done;
      say(input, "complete", { name: done.name, size: done.size });
    } catch (error) {
      if (running.get(input) !== controller) return;
      const usual = error instanceof Unreachable;
      if (!usual) input.value = "";
      if (usual) status.textContent = settings.texts.usual;
      else if (controller.signal.aborted) status.textContent = settings.texts.stopped;
      else status.textContent = error instanceof Refused ? error.message : settings.texts.failed;
      controller.abort(); // what else is under way
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
      if (input.form === event.target) {
        event.preventDefault();
        const { status, settings } = parts(input);
        status.textContent = settings.texts.wait;
        input.scrollIntoView({ block: "center" });
      }
    }
  });

  // The form sends the token in place of the file.
  document.addEventListener("formdata", (event) => {
    for (const input of event.target.querySelectorAll("input[type=file][data-direct-upload]")) {
      if (parts(input).token.value) event.formData.delete(input.name);
    }
  });
})();

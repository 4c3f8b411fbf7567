// Saves a copy of the page with what was written into it: the page as it came, its text boxes filled in.
(() => {
  const button = document.getElementById("save");
  if (!button) return;
  const pristine = document.documentElement.cloneNode(true);
  button.addEventListener("click", () => {
    const copy = pristine.cloneNode(true);
    const written = document.querySelectorAll("textarea");
    copy.querySelectorAll("textarea").forEach((box, place) => { box.textContent = written[place].value; });
    const page = new Blob(["<!DOCTYPE html>\n", copy.outerHTML], { type: "text/html" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(page);
    link.download = "report_with_my_text.html";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });
})();

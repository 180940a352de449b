// The App in a panel of its own: a kernel, and the view of the one App that lives in it.
import { MainAreaWidget } from "@jupyterlab/apputils";
import { ABCWidgetFactory, DocumentModel, type DocumentRegistry, type IDocumentWidget } from "@jupyterlab/docregistry";
import { PageConfig, PathExt } from "@jupyterlab/coreutils";
import { type IRenderMimeRegistry, MimeModel } from "@jupyterlab/rendermime";
import type { Kernel, KernelMessage } from "@jupyterlab/services";
import type { Message } from "@lumino/messaging";
import { Panel, Widget } from "@lumino/widgets";

import { folderOf } from "./app_drive";
import { workbenchIcon } from "./icon";
import "./lab.css";
import { ContentlessModelFactory } from "./no_copy";

const VIEW = "application/vnd.jupyter.widget-view+json";
const GONE = "What was loaded and shown is gone with it. Training runs go on by themselves; a new App finds them.";
const START = "Start the App again";

/** What stands in for the document of an App: it has nothing to save, and ipywidgets asks it for saved widgets. */
class NothingModel extends DocumentModel {
  getMetadata(): undefined {
    return undefined;
  }
  setMetadata(): void {}
  override get defaultKernelName(): string {
    return "python3";
  }
  override get defaultKernelLanguage(): string {
    return "python";
  }
}

export class AppModelFactory extends ContentlessModelFactory {
  static readonly NAME = "medical-workbench-app";

  constructor() {
    super(AppModelFactory.NAME);
  }
  protected override makeModel(options: DocumentRegistry.IModelOptions = {}): NothingModel {
    return new NothingModel(options as ConstructorParameters<typeof DocumentModel>[0]);
  }
}

/** A document to JupyterLab, but not of its class for files: it has no place in a folder and no name to change. */
export class AppPanel extends MainAreaWidget<AppBody> implements IDocumentWidget<AppBody> {
  constructor(
    readonly context: DocumentRegistry.Context,
    rendermime: IRenderMimeRegistry,
  ) {
    super({ content: new AppBody(context, rendermime) });
    this.addClass("wb-AppPanel");
    this.toolbar.hide();
    this.title.icon = workbenchIcon;
    this.title.label = PathExt.basename(context.localPath);
    // text that is marked or typed has the browser's own menu, to copy and to paste
    this.node.addEventListener("contextmenu", (event) => {
      const typed = (event.target as HTMLElement).closest("input, textarea, select, [contenteditable]");
      if (typed || !window.getSelection()?.isCollapsed) event.stopPropagation();
    });
  }

  setFragment(): void {}

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    // else the tab's menu would offer to rename and to delete a file
    this.title.dataset = {};
    // Notebook 7 gives every document a page of its own, and names it by what it knows of files
    if (PageConfig.getOption("notebookPage")) document.title = this.title.label;
  }

  /** Show the result of a job in the App; fails with the words of the kernel. */
  async openJob(job: string): Promise<void> {
    const { sessionContext } = this.context;
    await this.context.ready;
    await sessionContext.ready;
    const kernel = sessionContext.session?.kernel;
    if (!kernel) throw new Error("The App has no kernel. Start it again, and open the job then.");
    const folder = folderOf(this.context.localPath);
    await evaluate(kernel, "open_job", [job, folder], "The App cannot show it");
  }

  /** Whether there is a kernel that closing the panel would leave behind. */
  get hasKernel(): boolean {
    const status = this.context.sessionContext.session?.kernel?.status;
    return status !== undefined && status !== "dead" && status !== "terminating";
  }
}

export class AppFactory extends ABCWidgetFactory<AppPanel> {
  constructor(
    options: DocumentRegistry.IWidgetFactoryOptions<AppPanel>,
    private rendermime: IRenderMimeRegistry,
  ) {
    super(options);
  }

  protected createNewWidget(context: DocumentRegistry.Context): AppPanel {
    return new AppPanel(context, this.rendermime);
  }
}

class AppBody extends Panel {
  private readonly rendermime: IRenderMimeRegistry;
  private readonly notice = new Widget();
  private managed = false;
  private asked = 0;

  constructor(
    private readonly context: DocumentRegistry.Context,
    rendermime: IRenderMimeRegistry,
  ) {
    super();
    this.addClass("wb-AppPanel-body");
    this.node.tabIndex = -1;
    this.notice.addClass("wb-AppPanel-notice");
    this.notice.node.setAttribute("role", "status");
    this.addWidget(this.notice);
    this.rendermime = rendermime.clone({ resolver: context.urlResolver });
    this.say("Starting the kernel…");
    void context.ready.then(() => this.begin());
  }

  private async begin(): Promise<void> {
    const { sessionContext } = this.context;
    await sessionContext.ready;
    if (this.isDisposed) return;
    sessionContext.statusChanged.connect((_, status) => this.follow(status));
    sessionContext.kernelChanged.connect((_, { oldValue, newValue }) => {
      if (newValue === null) this.gone("The kernel was stopped.");
      else if (newValue.id !== oldValue?.id) void this.showApp();
    });
    await this.showApp();
  }

  private follow(status: Kernel.Status): void {
    if (status === "restarting") this.gone("The kernel was restarted.");
    else if (status === "autorestarting") this.gone("The kernel died, perhaps for lack of memory, and was restarted.");
    else if (status === "dead") this.gone("The kernel died.");
  }

  private gone(what: string): void {
    this.asked++;
    this.say(`${what} ${GONE}`, START);
  }

  private async startAgain(): Promise<void> {
    const { sessionContext } = this.context;
    const kernel = sessionContext.session?.kernel;
    if (kernel && kernel.status !== "dead") return this.showApp();
    this.say("Starting the kernel…");
    // told by the signal: showApp() follows
    await sessionContext.changeKernel({ name: sessionContext.kernelPreference.name });
  }

  /** Show the kernel's one App: a reloaded page meets the App that it had, and not a second one. */
  private async showApp(): Promise<void> {
    const asked = ++this.asked;
    const stale = () => this.isDisposed || asked !== this.asked;
    this.say("Starting the App…");
    const kernel = this.context.sessionContext.session?.kernel;
    if (!kernel) {
      this.say("There is no kernel for Python on this server.", START);
      return;
    }
    try {
      const view = await this.view();
      const model = await modelOfApp(kernel, folderOf(this.context.localPath));
      if (stale()) return;
      await view.renderModel(new MimeModel({ data: { [VIEW]: { version_major: 2, version_minor: 0, model_id: model } } }));
      if (stale()) {
        view.dispose();
        return;
      }
      this.clear();
      this.notice.hide();
      this.addWidget(view);
    } catch (error) {
      if (!stale()) this.say((error as Error).message, START, "alert");
    }
  }

  /** A place for a widget of this kernel, as cells of notebooks have them. */
  private async view(): Promise<ReturnType<IRenderMimeRegistry["createRenderer"]>> {
    const view = this.rendermime.createRenderer(VIEW);
    if (!this.managed) {
      const { registerWidgetManager } = await import("@jupyter-widgets/jupyterlab-manager");
      registerWidgetManager(this.context, this.rendermime, [view].values());
      // it follows the context from kernel to kernel
      this.managed = true;
    }
    return view;
  }

  private clear(): void {
    for (const widget of [...this.widgets]) if (widget !== this.notice) widget.dispose();
  }

  private say(text: string, button = "", role = "status"): void {
    this.clear();
    const words = document.createElement("p");
    words.textContent = text;
    this.notice.node.setAttribute("role", role);
    this.notice.node.replaceChildren(words);
    if (button) {
      const again = document.createElement("button");
      again.className = "jp-Dialog-button jp-mod-accept jp-mod-styled";
      again.textContent = button;
      again.addEventListener("click", () => {
        this.startAgain().catch((error: Error) => this.say(error.message, START, "alert"));
      });
      this.notice.node.append(again);
    }
    this.notice.show();
  }
}

/** Ask the kernel for its App and return the id of the widget. */
async function modelOfApp(kernel: Kernel.IKernelConnection, folder: string): Promise<string> {
  const id = await evaluate(kernel, "kernel_app", [folder], "The App did not start", ".model_id");
  return id.slice(1, -1);
}

/** Call a function of workbench.lab in the kernel and return what it, or an attribute of that, is printed as. */
async function evaluate(kernel: Kernel.IKernelConnection, name: string, values: string[], otherwise: string, attribute = ""): Promise<string> {
  const done = await kernel.requestExecute({
    code: `from workbench.lab import ${name}`,
    store_history: false,
    // JSON's strings are Python's too
    user_expressions: { answer: `${name}(${values.map((value) => JSON.stringify(value)).join(", ")})${attribute}` },
  }).done;
  const content = done.content as KernelMessage.IExecuteReplyMsg["content"];
  if (content.status === "error") throw new Error(told(content, otherwise));
  if (content.status !== "ok") throw new Error(`${otherwise}: the kernel was interrupted.`);
  const answer = content.user_expressions.answer as unknown as Answer;
  if (answer.status === "error") throw new Error(told(answer, otherwise));
  return answer.data["text/plain"];
}

type Answer = { status: "ok"; data: Record<string, string> } | ({ status: "error" } & Failure);
type Failure = { ename: string; evalue: string };

function told({ ename, evalue }: Failure, otherwise: string): string {
  if (ename === "ModuleNotFoundError" && evalue.includes("'workbench'")) {
    return "The kernel's Python has no Medical Workbench. Install it there (pip install medical-workbench), or start JupyterLab from where it is installed.";
  }
  return `${otherwise}: ${ename}: ${evalue}`;
}

// Widgets that ask the server again and again, and only while they are seen.
import { type Message } from "@lumino/messaging";
import { Poll } from "@lumino/polling";
import { Widget } from "@lumino/widgets";

/** How often is asked while something is under way, while nothing is, and at most how seldom while there is no answer. */
const ALIVE_MS = 1000;
const IDLE_MS = 5000;
const LOST_MS = 30_000;

const pace = (alive: boolean) => ({ interval: alive ? ALIVE_MS : IDLE_MS, backoff: true, max: LOST_MS });

export abstract class WatchingWidget extends Widget {
  private readonly poll: Poll;

  constructor(name: string) {
    super();
    this.poll = new Poll({
      auto: false,
      name: `medical-workbench:${name}`,
      factory: () => this.look(),
      frequency: pace(false),
      // a page in another tab of the browser is not seen either
      standby: "when-hidden",
    });
  }

  /** Ask the server and show what it answers; fails if it does not, and is then called less and less often. */
  protected abstract look(): Promise<void>;

  /** Say whether something is under way, that changes by itself. */
  protected set alive(alive: boolean) {
    this.poll.frequency = pace(alive);
  }

  /** Ask the server now, if the widget is seen. */
  refresh(): void {
    if (this.isVisible) void this.poll.refresh();
  }

  override dispose(): void {
    this.poll.dispose();
    super.dispose();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.focus();
  }
  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) void this.poll.start();
  }
  protected override onBeforeDetach(message: Message): void {
    void this.poll.stop();
    super.onBeforeDetach(message);
  }
  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.poll.start();
  }
  protected override onBeforeHide(message: Message): void {
    void this.poll.stop();
    super.onBeforeHide(message);
  }
}

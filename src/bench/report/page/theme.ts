const CHOICES = ['auto', 'light', 'dark'] as const;
type Choice = (typeof CHOICES)[number];
const KEY = 'mqbench-report-theme';

/** Wires the three buttons; `changed` is called whenever colours may be others than before. */
export function startTheme(changed: () => void): void {
  const buttons = [...document.querySelectorAll<HTMLButtonElement>('[data-theme-choice]')];
  const apply = (choice: Choice): void => {
    if (choice === 'auto') {
      delete document.documentElement.dataset.theme;
    } else {
      document.documentElement.dataset.theme = choice;
    }
    for (const button of buttons) {
      button.setAttribute('aria-pressed', String(button.dataset.themeChoice === choice));
    }
    changed();
  };
  let current = stored();
  for (const button of buttons) {
    button.addEventListener('click', () => {
      current = choiceOf(button.dataset.themeChoice);
      store(current);
      apply(current);
    });
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  // Paper is white, and nothing on it can be opened.
  const opened = new Set<HTMLDetailsElement>();
  addEventListener('beforeprint', () => {
    for (const details of document.querySelectorAll<HTMLDetailsElement>('details:not([open])')) {
      details.open = true;
      opened.add(details);
    }
    document.documentElement.dataset.theme = 'light';
    changed();
  });
  addEventListener('afterprint', () => {
    for (const details of opened) {
      details.open = false;
    }
    opened.clear();
    apply(current);
  });
  apply(current);
}

function choiceOf(text: string | null | undefined): Choice {
  return CHOICES.find((choice) => choice === text) ?? 'auto';
}

/** A page opened from a file may have no storage. */
function stored(): Choice {
  try {
    return choiceOf(localStorage.getItem(KEY));
  } catch {
    return 'auto';
  }
}

function store(choice: Choice): void {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // The choice holds until the page is closed.
  }
}

"""The process that sets one PDF and ends: typst keeps hundreds of megabytes once it has run.

Strangers wrote the texts, and strangers ask for the file: what it costs is limited here, and
the pages go on whatever becomes of it. `proof_pdf` starts it and knows what it wants set.
"""

import json
import resource
import sys

import typst

#: What one file may cost: seconds of the processor's time, bytes of address space.
MOST_CPU_S, MOST_MEMORY = 8, 2_000_000_000


def main() -> int:
    """Set a template with the first of some texts of which every character can be written.

    Standard input is JSON: `template`, `texts`, and whether the machine's fonts are used
    (`system_fonts`). The PDF goes to standard output; where there is none, the result is 1.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    job = json.load(sys.stdin.buffer)
    fonts = typst.Fonts(include_system_fonts=job["system_fonts"])
    for text in job["texts"]:
        try:
            written = typst.compile(
                job["template"].encode(),
                font_paths=fonts,
                sys_inputs={"document": text},
                format="pdf",
                # It wants tags, a title and a language, and no character without a shape.
                pdf_standards="ua-1",
            )
        except typst.TypstError as error:
            if "could not be displayed" not in error.message:
                raise
        else:
            sys.stdout.buffer.write(written)
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())

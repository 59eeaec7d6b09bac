"""The look of the page: a calm theme in the system's own fonts, so that nothing is fetched from elsewhere."""

from gradio.themes import Base

from app.components.files import text

CHINESE = ("PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC")
SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", *CHINESE, "sans-serif")
MONO = ("ui-monospace", "Consolas", "Menlo", "monospace")


def theme() -> Base:
    """Make a light-weight theme: teal accents on warm greys, thin borders, no shadows."""
    return Base(
        primary_hue="teal", secondary_hue="teal", neutral_hue="stone", radius_size="lg", font=SANS, font_mono=MONO
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_500",
        block_border_width="1px",
        block_shadow="none",
        block_label_text_size="*text_sm",
        button_primary_background_fill="*primary_700",  # white on it is read at 5.5 to 1
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_800",
        button_secondary_background_fill="*background_fill_primary",
        button_border_width="1px",
        button_secondary_border_color="*border_color_primary",
        button_secondary_border_color_dark="*border_color_primary",
    )


def css() -> str:
    """Join the styles of what is no gr.HTML, whose style would be a part of it."""
    return "\n".join(text(f"{name}.css") for name in ("page", "pictures", "swap"))

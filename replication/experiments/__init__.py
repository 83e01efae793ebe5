"""What is computed: fine-tuning, search and tickets, and every experiment that starts from them."""
